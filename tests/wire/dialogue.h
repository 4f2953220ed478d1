// Sessions against a scripted server: the parts that every dialogue has.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

#include "emlfs/base/error.h"
#include "emlfs/imap/session.h"
#include "support/scripted_server.h"

namespace emlfs::imap {

using test::Peer;
using test::ScriptedServer;

// Plaintext on loopback: what isn't about TLS doesn't need it.
inline SessionOptions plainOptions(uint16_t port) {
  SessionOptions options;
  options.endpoint.host = "127.0.0.1";
  options.endpoint.port = port;
  options.endpoint.security = Security::plain;
  options.endpoint.user = "alice";
  options.endpoint.timeout = Milliseconds{5'000};
  options.secret = [](const auto&) { return Secret("secret"); };
  return options;
}

// The server's side up to the login, with these capabilities after it.
inline void serveLogin(Peer& peer, const std::string& capabilities = "IMAP4rev1") {
  peer.send("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n");
  const std::string tag = peer.expect("AUTHENTICATE PLAIN AGFsaWNlAHNlY3JldA==");
  peer.send(tag + " OK [CAPABILITY " + capabilities + "] logged in\r\n");
  if (capabilities.find("QRESYNC") != std::string::npos) {
    const std::string enable = peer.expect("ENABLE QRESYNC");
    peer.send("* ENABLED QRESYNC\r\n" + enable + " OK\r\n");
  }
}

inline void serveExamine(Peer& peer, const std::string& answer = "") {
  const std::string tag = peer.expect("EXAMINE \"INBOX\"");
  peer.send("* 3 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT 4] x\r\n" + answer + tag +
            " OK [READ-ONLY] done\r\n");
}

// Reads a line that is exactly `command` behind its tag, and gives that.
inline std::string exactly(Peer& peer, const std::string& command) {
  const std::string line = peer.readLine();
  const size_t blank = line.find(' ');
  if (line.substr(blank + 1) != command)
    throw std::runtime_error("expected '" + command + "', got '" + line + "'");
  return line.substr(0, blank);
}

// A server whose script goes on after the login, and a session with it.
struct Dialogue {
  explicit Dialogue(const std::string& capabilities, const std::function<void(Peer&)>& script,
                    const std::function<void(SessionOptions&)>& change = {})
      : server(ScriptedServer::start([capabilities, script](Peer& peer) {
          serveLogin(peer, capabilities);
          script(peer);
        })) {
    SessionOptions options = plainOptions(server->port());
    options.traffic = &traffic;
    if (change) change(options);
    session = Session::open(options);
  }
  // Closes the session and tells what the script complained about.
  std::string end() {
    session.reset();
    return server->failures();
  }

  Traffic traffic;
  std::unique_ptr<ScriptedServer> server;
  std::unique_ptr<Session> session;
};

// The Error that `action` throws.
inline Error failureOf(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error was thrown";
  return {Code::system, Scope::message, "no error"};
}

#define EXPECT_ERROR(action, expected_code, expected_scope)              \
  do {                                                                   \
    const emlfs::Error error_ = emlfs::imap::failureOf([&] { action; }); \
    EXPECT_EQ(error_.code, expected_code) << error_.what();              \
    EXPECT_EQ(error_.scope, expected_scope) << error_.what();            \
  } while (false)

}  // namespace emlfs::imap
