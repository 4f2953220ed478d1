// The server's side of a login, line by line.
#pragma once

#include <gtest/gtest.h>

#include <set>
#include <stdexcept>
#include <string>

#include "imap/base64.h"
#include "wire/dialogue.h"

namespace emlfs::imap {

// What the server says of itself before the login.
inline void greet(Peer& peer, const std::string& capabilities) {
  peer.send("* OK [CAPABILITY IMAP4rev1 " + capabilities + "] ready\r\n");
}

inline void letIn(Peer& peer, const std::string& tag) {
  peer.send(tag + " OK [CAPABILITY IMAP4rev1] in\r\n");
  peer.waitForClose();
}

inline void expectLine(Peer& peer, const std::string& wanted) {
  const std::string line = peer.readLine();
  if (line != wanted) throw std::runtime_error("expected '" + wanted + "', got '" + line + "'");
}

inline void challenge(Peer& peer, const std::string& text) {
  peer.send("+ " + encodeBase64(text) + "\r\n");
}

inline std::string answerOf(Peer& peer) {
  const std::string line = peer.readLine();
  const auto text = decodeBase64(line);
  if (!text) throw std::runtime_error("no base64: " + line);
  return *text;
}

class SignIn : public testing::Test {
 protected:
  Error failure(const ScriptedServer::Script& script) {
    const auto server = ScriptedServer::start(script);
    const Error error = failureOf([&] { Session::open(options(*server)); });
    EXPECT_EQ(server->failures(), "");
    return error;
  }
  void succeeds(const ScriptedServer::Script& script) {
    const auto server = ScriptedServer::start(script);
    Session::open(options(*server));
    EXPECT_EQ(server->failures(), "");
  }
  SessionOptions options(const ScriptedServer& server) const {
    SessionOptions options = plainOptions(server.port());
    options.endpoint.authentication = authentication_;
    options.without = without_;
    if (secret_) options.secret = secret_;
    return options;
  }

  Authentication authentication_ = Authentication::password;
  std::set<std::string> without_;
  SecretSource secret_;
};

}  // namespace emlfs::imap
