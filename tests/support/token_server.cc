#include "support/token_server.h"

#include <fmt/format.h>

namespace emlfs::test {

TokenServer::TokenServer() : server_(ScriptedServer::start([this](Peer& peer) { serve(peer); })) {}

std::string TokenServer::url() const {
  return fmt::format("http://127.0.0.1:{}/", server_->port());
}

void TokenServer::accept(const std::string& token, const std::string& user) {
  const MutexLock lock(mutex_);
  token_ = token;
  user_ = user;
}

unsigned TokenServer::asked(const std::string& token) const {
  const MutexLock lock(mutex_);
  const auto at = asked_.find(token);
  return at == asked_.end() ? 0 : at->second;
}

// One request after the other, until the client goes; Dovecot keeps connections for later.
void TokenServer::serve(Peer& peer) {
  const std::string wanted = "Authorization: Bearer ";
  for (;;) {
    std::string token;
    for (std::string line = peer.readLine(); !line.empty(); line = peer.readLine())
      if (line.starts_with(wanted)) token = line.substr(wanted.size());
    const std::string body = answer(token);
    peer.send(
        fmt::format("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                    "Content-Length: {}\r\n\r\n{}",
                    body.size(), body));
  }
}

std::string TokenServer::answer(const std::string& token) {
  const MutexLock lock(mutex_);
  ++asked_[token];
  if (token.empty() || token != token_) return R"({"active":false})";
  return fmt::format(R"({{"active":true,"email":"{}"}})", user_);
}

}  // namespace emlfs::test
