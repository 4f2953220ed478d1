#include "support/imap_client.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <sstream>
#include <stdexcept>

#include "support/sockets.h"

namespace emlfs::test {
namespace {

constexpr int kLimit = 180'000;  // ms: Dovecot waits as long for its own locks

void waitFor(const Fd& socket, short events) {
  pollfd waiting{socket.get(), events, 0};
  if (::poll(&waiting, 1, kLimit) != 1) throw std::runtime_error("the IMAP server keeps silent");
}

}  // namespace

ImapClient::ImapClient(const ImapServer& server)
    : socket_(connectTo(server.host(), server.imapPort())) {
  readLine();
  expectOk(fmt::format("LOGIN \"{}\" \"{}\"", server.user(), server.password()));
}

std::string ImapClient::newTag() {
  return fmt::format("c{}", ++tags_);
}

ImapClient::Answer ImapClient::command(const std::string& text) {
  const std::string tag = newTag();
  send(tag + " " + text + "\r\n");
  Answer answer = exchange(tag);
  if (answer.text.starts_with("BAD")) throw std::runtime_error(text + ": " + answer.text);
  return answer;
}

ImapClient::Answer ImapClient::expectOk(const std::string& text) {
  Answer answer = command(text);
  if (!answer.ok) throw std::runtime_error(text + ": " + answer.text);
  return answer;
}

ImapClient::Answer ImapClient::append(const std::string& mailbox, const std::string& flags,
                                      std::string_view message, const std::string& date) {
  const std::string tag = newTag();
  send(fmt::format("{} APPEND \"{}\" ({}) {}{{{}}}\r\n", tag, mailbox, flags,
                   date.empty() ? "" : fmt::format("\"{}\" ", date), message.size()));
  std::string line;
  while (!(line = readLine()).starts_with('+'))
    if (line.starts_with(tag)) return {false, line.substr(tag.size() + 1), {}};
  send(std::string(message) + "\r\n");
  return exchange(tag);
}

std::vector<std::string> ImapClient::mailboxes(bool also_levels) {
  std::vector<std::string> names;
  for (const auto& line : expectOk("LIST \"\" \"*\"").untagged) {
    if (!line.starts_with("* LIST ")) continue;
    if (!also_levels && line.find("\\Noselect") != line.npos) continue;
    std::string name = line.substr(line.find_last_of(' ') + 1);
    if (name.starts_with('"')) name = name.substr(1, name.size() - 2);
    names.push_back(std::move(name));
  }
  return names;
}

std::vector<Uid> ImapClient::search(const std::string& criteria) {
  std::vector<Uid> uids;
  for (const auto& line : expectOk("UID SEARCH " + criteria).untagged) {
    if (!line.starts_with("* SEARCH")) continue;
    std::istringstream numbers(line.substr(8));
    for (Uid uid = 0; numbers >> uid;) uids.push_back(uid);
  }
  return uids;
}

ImapClient::Answer ImapClient::exchange(const std::string& tag) {
  Answer answer;
  for (;;) {
    std::string line = readResponse();
    if (line.starts_with(tag + " ")) {
      answer.text = line.substr(tag.size() + 1);
      answer.ok = answer.text.starts_with("OK");
      return answer;
    }
    answer.untagged.push_back(std::move(line));
  }
}

void ImapClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    waitFor(socket_, POLLOUT);
    const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) throw std::runtime_error("the IMAP server has gone");
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
}

std::string ImapClient::readLine() {
  size_t end = 0;
  while ((end = buffer_.find("\r\n")) == buffer_.npos) fill();
  std::string line = buffer_.substr(0, end);
  buffer_.erase(0, end + 2);
  return line;
}

std::string ImapClient::readResponse() {
  std::string all = readLine();
  for (std::string line = all; line.ends_with('}');) {
    const size_t size = std::stoul(line.substr(line.rfind('{') + 1));
    while (buffer_.size() < size) fill();
    all += "\r\n" + buffer_.substr(0, size);
    buffer_.erase(0, size);
    all += line = readLine();
  }
  return all;
}

void ImapClient::fill() {
  std::array<char, 16384> bytes;
  waitFor(socket_, POLLIN);
  const ssize_t got = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
  if (got <= 0) throw std::runtime_error("the IMAP server has gone");
  buffer_.append(bytes.data(), static_cast<size_t>(got));
}

}  // namespace emlfs::test
