// Bytes both ways, with and without TLS, and what ends the waiting for them.
#include <future>

#include "imap/tls_sessions.h"
#include "wire/transport_fixture.h"

namespace emlfs::imap {
namespace {

using testing::HasSubstr;

TEST_F(TransportTest, SpeaksTlsWithATrustedServerAndCountsTheWire) {
  std::promise<std::string> name;
  std::promise<uint64_t> wire;
  const auto server = ScriptedServer::start(
      [&](Peer& peer) {
        name.set_value(peer.serverName());
        peer.send("hello");
        EXPECT_EQ(peer.readLine(), "a NOOP");
        wire.set_value(peer.wireBytes());
        peer.waitForClose();
      },
      tls(certificates_.good));
  const auto transport = connect(endpoint(*server));
  EXPECT_TRUE(transport->secure());
  EXPECT_EQ(transport->tlsVersion(), "TLSv1.3");
  EXPECT_EQ(name.get_future().get(), "localhost");
  EXPECT_EQ(readExactly(*transport, 5), "hello");
  transport->write("a NOOP\r\n", soon());
  EXPECT_EQ(wire.get_future().get(), traffic_.bytes_in + traffic_.bytes_out);
  EXPECT_GT(traffic_.bytes_in, 500u);
  EXPECT_EQ(traffic_.connects, 1u);
  EXPECT_EQ(server->failures(), "");
}

TEST_F(TransportTest, GoesOnWithTheTlsSessionOfAnEarlierConnectionThatTrustsTheSame) {
  std::promise<bool> resumed[4];
  const auto server = ScriptedServer::start(
      [&](Peer& peer) {
        resumed[peer.connection()].set_value(peer.resumed());
        greet(peer);
      },
      tls(certificates_.good));
  const auto resumes = [&](int connection, const Endpoint& to) {
    EXPECT_EQ(readExactly(*connect(to), 5), "hello");
    return resumed[connection].get_future().get();
  };
  Endpoint to = endpoint(*server);
  EXPECT_FALSE(resumes(0, to));
  const uint64_t whole = traffic_.bytes_in;
  EXPECT_TRUE(resumes(1, to));
  EXPECT_LT(traffic_.bytes_in - whole, whole / 2);
  to.ca_file.clear();
  to.fingerprint = test::fingerprintOf(certificates_.good.certificate);
  EXPECT_FALSE(resumes(2, to));
  EXPECT_TRUE(resumes(3, to));
}

// What a session was good for is no reason to trust another server at its address.
TEST_F(TransportTest, AnotherServerOfThatAddressIsVerified) {
  const auto server = ScriptedServer::start(greet, tls(certificates_.good));
  const Endpoint to = endpoint(*server);
  EXPECT_EQ(readExactly(*connect(to), 5), "hello");
  auto session = newestTlsSession(tlsSessionKey(to));
  ASSERT_TRUE(session);
  const auto other = ScriptedServer::start([](Peer&) {}, tls(certificates_.wrong_host));
  keepTlsSession(tlsSessionKey(endpoint(*other)), std::move(session), true);
  EXPECT_EQ(connectError(endpoint(*other)).code, Code::tls);
}

TEST_F(TransportTest, VerifiesAnAddressAndAsksForNoName) {
  std::promise<std::string> name;
  const auto server = ScriptedServer::start(
      [&](Peer& peer) {
        name.set_value(peer.serverName());
        greet(peer);
      },
      tls(certificates_.good));
  Endpoint to = endpoint(*server);
  to.host = "127.0.0.1";
  const auto transport = connect(to);
  EXPECT_EQ(readExactly(*transport, 5), "hello");
  EXPECT_EQ(name.get_future().get(), "");
}

TEST_F(TransportTest, ASilentServerTimesOutInTheHandshakeAndInARead) {
  const auto server = ScriptedServer::start([](Peer& peer) { peer.waitForClose(); });
  Endpoint to = endpoint(*server);
  to.timeout = Milliseconds(50);
  EXPECT_EQ(connectError(to).code, Code::timeout);

  const auto transport = connect(endpoint(*server, Security::plain));
  char byte = 0;
  const Error error =
      errorOf([&] { transport->read({&byte, 1}, Deadline::after(Milliseconds(50))); });
  EXPECT_EQ(error.code, Code::timeout);
  EXPECT_EQ(error.scope, Scope::connection);
}

TEST_F(TransportTest, AClientThatIsNotReadTimesOutInAWrite) {
  std::promise<void> over;
  auto until_over = over.get_future();
  const auto server = ScriptedServer::start([&](Peer& peer) {
    until_over.wait();
    peer.close();
  });
  const auto transport = connect(endpoint(*server, Security::plain));
  const std::string much(64 << 20, 'x');  // more than the kernel buffers
  EXPECT_EQ(errorOf([&] { transport->write(much, Deadline::after(Milliseconds(200))); }).code,
            Code::timeout);
  over.set_value();
}

TEST_F(TransportTest, AnInterruptEndsAReadAndAConnect) {
  const auto server = ScriptedServer::start(greet, tls(certificates_.good));
  const auto transport = connect(endpoint(*server));
  EXPECT_EQ(readExactly(*transport, 5), "hello");
  auto error = std::async(std::launch::async, [&] {
    return errorOf([&] {
      char byte = 0;
      transport->read({&byte, 1}, Deadline::after(Milliseconds(600'000)));
    });
  });
  interrupt_.signal();
  EXPECT_EQ(error.get().code, Code::cancelled);
  EXPECT_EQ(connectError(endpoint(*server)).code, Code::cancelled);
}

TEST_F(TransportTest, TheEndOfTheStreamIsAnErrorWithAndWithoutCloseNotify) {
  for (const bool orderly : {true, false}) {
    for (const bool secure : {true, false}) {
      const auto script = [orderly](Peer& peer) {
        peer.send("hello");
        if (!orderly) peer.close();
      };
      const auto server = secure ? ScriptedServer::start(script, tls(certificates_.good))
                                 : ScriptedServer::start(script);
      const auto transport = connect(endpoint(*server, secure ? Security::tls : Security::plain));
      EXPECT_EQ(readExactly(*transport, 5), "hello");
      const Error error = errorOf([&] { readExactly(*transport, 1); });
      EXPECT_EQ(error.code, Code::network);
      EXPECT_THAT(error.what(), HasSubstr("the server closed the connection"));
    }
  }
}

TEST_F(TransportTest, WritingToAServerThatHasGoneIsAnErrorAndNoSignal) {
  for (const bool secure : {true, false}) {
    const auto script = [](Peer& peer) { peer.close(); };
    const auto server = secure ? ScriptedServer::start(script, tls(certificates_.good))
                               : ScriptedServer::start(script);
    const auto transport = connect(endpoint(*server, secure ? Security::tls : Security::plain));
    const Error error = errorOf([&] {
      for (const Deadline end = soon(); !end.passed();) transport->write("a NOOP\r\n", end);
    });
    EXPECT_EQ(error.code, Code::network);
    EXPECT_EQ(error.scope, Scope::connection);
  }
}

TEST_F(TransportTest, MovesManyBytesBothWays) {
  constexpr size_t kMany = 12 << 20;
  std::string pattern(kMany, 0);
  for (size_t i = 0; i < kMany; ++i) pattern[i] = static_cast<char>(i * 31 + i / 4096);
  for (const bool secure : {true, false}) {
    const auto script = [&](Peer& peer) {
      peer.send("early");  // arrives while the client is still writing
      EXPECT_TRUE(peer.readBytes(kMany) == pattern);
      peer.send(pattern);
      peer.waitForClose();
    };
    const auto server = secure ? ScriptedServer::start(script, tls(certificates_.good))
                               : ScriptedServer::start(script);
    const auto transport = connect(endpoint(*server, secure ? Security::tls : Security::plain));
    transport->write(pattern, soon());
    EXPECT_EQ(readExactly(*transport, 5), "early");
    EXPECT_TRUE(readExactly(*transport, kMany) == pattern);
    EXPECT_EQ(server->failures(), "");
  }
}

TEST_F(TransportTest, BeginsTlsLater) {
  ServerTls later = tls(certificates_.good);
  later.from_start = false;
  const auto server = ScriptedServer::start(
      [](Peer& peer) {
        peer.expect("STARTTLS");
        peer.send("a OK\r\n");
        peer.startTls();
        greet(peer);
      },
      later);
  const auto transport = connect(endpoint(*server, Security::starttls));
  EXPECT_FALSE(transport->secure());
  EXPECT_EQ(transport->tlsVersion(), "");
  transport->write("a STARTTLS\r\n", soon());
  EXPECT_EQ(readExactly(*transport, 6), "a OK\r\n");
  transport->startTls(soon());
  EXPECT_TRUE(transport->secure());
  EXPECT_EQ(readExactly(*transport, 5), "hello");
  EXPECT_EQ(server->failures(), "");
}

}  // namespace
}  // namespace emlfs::imap
