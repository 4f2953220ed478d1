// Transports to a scripted server, whose certificates a CA of the tests has signed.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "emlfs/base/error.h"
#include "imap/transport.h"
#include "support/certificates.h"
#include "support/scratch_dir.h"
#include "support/scripted_server.h"

namespace emlfs::imap {

using test::Peer;
using test::ScriptedServer;
using test::ServerTls;

inline Deadline soon() {
  return Deadline::after(Milliseconds(10'000));
}

template <class Action>
Error errorOf(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "nothing was thrown";
  return {Code::system, Scope::message, ""};
}

class TransportTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_.emplace();
    certificates_ = test::makeCertificates(directory_->path());
  }
  static void TearDownTestSuite() { directory_.reset(); }

  static ServerTls tls(const test::KeyPair& pair) { return {pair.certificate, pair.key}; }

  Endpoint endpoint(const ScriptedServer& server, Security security = Security::tls) const {
    Endpoint made;
    made.host = "localhost";
    made.port = server.port();
    made.security = security;
    made.ca_file = certificates_.ca_file;
    made.timeout = Milliseconds(10'000);
    return made;
  }

  std::unique_ptr<Transport> connect(const Endpoint& endpoint) {
    return Transport::connect(endpoint, &traffic_, interrupt_, Deadline::after(endpoint.timeout));
  }
  Error connectError(const Endpoint& endpoint) {
    return errorOf([&] { connect(endpoint); });
  }
  // The error of a client that trusts the test CA, from a server with this certificate.
  Error refusalOf(const test::KeyPair& pair) {
    const auto server = ScriptedServer::start([](Peer&) {}, tls(pair));
    return connectError(endpoint(*server));
  }

  static std::string readExactly(Transport& transport, size_t count) {
    std::string text(count, 0);
    for (size_t have = 0; have < count;) {
      have += transport.read(std::span(text).subspan(have), soon());
    }
    return text;
  }

  static inline std::optional<test::ScratchDir> directory_;
  static inline test::Certificates certificates_;
  Traffic traffic_;
  Event interrupt_;
};

inline void greet(Peer& peer) {
  peer.send("hello");
  peer.waitForClose();
}

}  // namespace emlfs::imap
