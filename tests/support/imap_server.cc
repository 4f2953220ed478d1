#include "support/imap_server.h"

#include <algorithm>
#include <iostream>
#include <sstream>

#include "emlfs/base/file.h"
#include "support/paths.h"
#include "support/process.h"

namespace emlfs::test {
namespace {

constexpr int kCannotRun = 77;

std::string supportFile(const std::string& name) {
  return std::string(kSourceDirectory) + "/tests/support/" + name;
}

std::string scriptOf(ImapServer::Kind kind) {
  switch (kind) {
    case ImapServer::Kind::dovecot:
      return supportFile("dovecot");
    case ImapServer::Kind::courier:
      return supportFile("courier");
    case ImapServer::Kind::cyrus:
      return supportFile("cyrus");
  }
  throw std::logic_error("no such server");
}

// DIR/env is NAME=VALUE, quoted for the shell; a shell takes the quotes off again.
std::map<std::string, std::string> readSettings(const std::string& file) {
  const std::string print =
      R"(. "$0"; for name in $(sed 's/=.*//' "$0"); do printf '%s=%s\n' "$name" "${!name}"; done)";
  std::istringstream lines(runOrThrow({"bash", "-c", print, file}));
  std::map<std::string, std::string> settings;
  for (std::string line; std::getline(lines, line);) {
    const size_t equals = line.find('=');
    settings[line.substr(0, equals)] = line.substr(equals + 1);
  }
  return settings;
}

}  // namespace

ImapServer::ImapServer(Kind kind, const std::vector<std::string>& options, const std::string& mail)
    : script_(scriptOf(kind)) {
  const bool copy = kind == Kind::dovecot && !mail.empty();
  if (copy) runOrThrow({"cp", "-a", "--reflink=auto", mail, directory_ / "mail"});
  std::vector<std::string> command{script_, "start", directory_.path()};
  command.insert(command.end(), options.begin(), options.end());
  const ProcessResult started = run(command);
  if (started.status == kCannotRun) throw CannotRun(started.errors);
  if (started.status != 0) throw std::runtime_error(started.errors);
  running_ = true;
  settings_ = readSettings(directory_ / "env");
  if (!copy && !mail.empty()) act({"load", mail, setting("separator"), setting("prefix")});
}

ImapServer::~ImapServer() {
  try {
    stop();
  } catch (const std::exception& failure) {
    std::cerr << failure.what() << '\n';
  }
}

void ImapServer::stop() {
  end({});
}

void ImapServer::kill() {
  end({"--kill"});
}

void ImapServer::end(const std::vector<std::string>& how) {
  if (!running_) return;
  std::vector<std::string> command{script_, "stop", directory_.path()};
  command.insert(command.end(), how.begin(), how.end());
  runOrThrow(command);
  running_ = false;
}

void ImapServer::restart() {
  runOrThrow({script_, "restart", directory_.path()});
  running_ = true;
}

std::string ImapServer::wireName(const std::string& path) const {
  if (path == "INBOX") return path;
  std::string wire = setting("prefix") + path;
  std::replace(wire.begin(), wire.end(), '/', setting("separator").at(0));
  return wire;
}

std::string ImapServer::pathOf(const std::string& wire_name) const {
  const std::string& prefix = setting("prefix");
  std::string path = wire_name;
  if (path != "INBOX" && path.starts_with(prefix)) path.erase(0, prefix.size());
  std::replace(path.begin(), path.end(), setting("separator").at(0), '/');
  return path;
}

void ImapServer::deliver(const std::string& mailbox, std::string_view message) const {
  act({"deliver", wireName(mailbox)}, message);
}

void ImapServer::changeFlags(const std::string& mailbox, const std::string& uids,
                             const std::string& change) const {
  act({"flags", wireName(mailbox), uids, change});
}

void ImapServer::expunge(const std::string& mailbox, const std::string& uids) const {
  act({"expunge", wireName(mailbox), uids});
}

void ImapServer::move(const std::string& mailbox, const std::string& uids,
                      const std::string& to) const {
  act({"move", wireName(mailbox), uids, wireName(to)});
}

void ImapServer::createMailbox(const std::string& mailbox) const {
  act({"create", wireName(mailbox)});
}

void ImapServer::renameMailbox(const std::string& mailbox, const std::string& to) const {
  act({"rename", wireName(mailbox), wireName(to)});
}

void ImapServer::deleteMailbox(const std::string& mailbox) const {
  act({"delete", wireName(mailbox)});
}

void ImapServer::act(const std::vector<std::string>& action, std::string_view input) const {
  std::vector<std::string> command{"python3", supportFile("other_client.py"),
                                   host(),    std::to_string(imapPort()),
                                   user(),    password()};
  command.insert(command.end(), action.begin(), action.end());
  runOrThrow(command, input);
}

std::string ImapServer::log() const {
  return readFile(setting("log"));
}

const std::string& ImapServer::setting(const std::string& name) const {
  return settings_.at(name);
}

uint16_t ImapServer::port(const std::string& name) const {
  return static_cast<uint16_t>(std::stoi(setting(name)));
}

std::string nameOf(ImapServer::Kind kind) {
  switch (kind) {
    case ImapServer::Kind::dovecot:
      return "Dovecot";
    case ImapServer::Kind::courier:
      return "Courier";
    case ImapServer::Kind::cyrus:
      return "Cyrus";
  }
  return "?";
}

void PrintTo(ImapServer::Kind kind, std::ostream* out) {
  *out << nameOf(kind);
}

}  // namespace emlfs::test
