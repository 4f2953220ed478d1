#include "support/dovecot.h"

#include <iostream>
#include <set>
#include <sstream>
#include <stdexcept>

#include "emlfs/base/file.h"
#include "support/paths.h"
#include "support/process.h"

namespace emlfs::test {
namespace {

const std::string kScript = std::string(kSourceDirectory) + "/tests/support/dovecot";

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

Dovecot::Dovecot(const std::vector<std::string>& options, const std::string& mail) {
  const std::string& path = directory_.path();
  if (!mail.empty()) runOrThrow({"cp", "-a", "--reflink=auto", mail, directory_ / "mail"});
  std::vector<std::string> command{kScript, "start", path};
  command.insert(command.end(), options.begin(), options.end());
  runOrThrow(command);
  running_ = true;
  settings_ = readSettings(directory_ / "env");
}

Dovecot::~Dovecot() {
  try {
    stop();
  } catch (const std::exception& failure) {
    std::cerr << failure.what() << '\n';
  }
}

void Dovecot::stop() {
  if (!running_) return;
  runOrThrow({kScript, "stop", directory_.path()});
  running_ = false;
}

void Dovecot::kill() {
  if (!running_) return;
  runOrThrow({kScript, "stop", directory_.path(), "--kill"});
  running_ = false;
}

void Dovecot::restart() {
  runOrThrow({kScript, "restart", directory_.path()});
  running_ = true;
}

std::string Dovecot::doveadm(const std::vector<std::string>& command,
                             std::string_view input) const {
  static const std::set<std::string> kGroups{"mailbox", "acl", "quota"};
  const size_t words = kGroups.count(command.at(0)) + 1;
  std::vector<std::string> whole{"doveadm", "-c", setting("config")};
  whole.insert(whole.end(), command.begin(), command.begin() + static_cast<ptrdiff_t>(words));
  whole.insert(whole.end(), {"-u", user()});
  whole.insert(whole.end(), command.begin() + static_cast<ptrdiff_t>(words), command.end());
  return runOrThrow(whole, input);
}

void Dovecot::deliver(const std::string& mailbox, std::string_view message) const {
  const std::string existing = "\n" + doveadm({"mailbox", "list"});
  if (existing.find("\n" + mailbox + "\n") == existing.npos) {
    doveadm({"mailbox", "create", mailbox});
  }
  doveadm({"save", "-m", mailbox}, message);
}

std::string Dovecot::log() const {
  return readFile(setting("log"));
}

const std::string& Dovecot::setting(const std::string& name) const {
  return settings_.at(name);
}

uint16_t Dovecot::port(const std::string& name) const {
  return static_cast<uint16_t>(std::stoi(setting(name)));
}

}  // namespace emlfs::test
