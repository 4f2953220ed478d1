#include "imap/transport.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cctype>
#include <fstream>
#include <future>
#include <optional>

#include "emlfs/base/error.h"
#include "imap/tcp_connect.h"
#include "imap/tls_context.h"
#include "support/certificates.h"
#include "support/scratch_dir.h"
#include "support/scripted_server.h"

namespace emlfs::imap {
namespace {

using test::Peer;
using test::ScriptedServer;
using test::ServerTls;
using testing::HasSubstr;

Deadline soon() {
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

void greet(Peer& peer) {
  peer.send("hello");
  peer.waitForClose();
}

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

TEST_F(TransportTest, AsksForAHostWithoutItsFinalDot) {
  Endpoint to;
  to.host = "imap.example.org.";
  const TlsContext context(to);
  EXPECT_STREQ(SSL_get_servername(context.client().get(), TLSEXT_NAMETYPE_host_name),
               "imap.example.org");
}

TEST_F(TransportTest, RefusesAnExpiredCertificate) {
  const Error error = refusalOf(certificates_.expired);
  EXPECT_EQ(error.code, Code::tls);
  EXPECT_EQ(error.scope, Scope::account);
  EXPECT_THAT(error.what(), HasSubstr("expired on 2021-01-01"));
  EXPECT_THAT(error.what(), HasSubstr("-o tls_fingerprint=" +
                                      test::fingerprintOf(certificates_.expired.certificate)));
}

TEST_F(TransportTest, RefusesACertificateForAnotherHostAndNamesItsHosts) {
  const Error error = refusalOf(certificates_.wrong_host);
  EXPECT_EQ(error.code, Code::tls);
  EXPECT_THAT(error.what(), HasSubstr("imap.example.org, mail.example.org"));
}

TEST_F(TransportTest, RefusesAnAddressThatTheCertificateDoesNotName) {
  const auto server = ScriptedServer::start([](Peer&) {}, tls(certificates_.wrong_host));
  Endpoint to = endpoint(*server);
  to.host = "127.0.0.1";
  EXPECT_THAT(connectError(to).what(), HasSubstr("is for another host"));
}

TEST_F(TransportTest, RefusesASelfSignedCertificateAndSaysHowToTrustIt) {
  const Error error = refusalOf(certificates_.self_signed);
  EXPECT_EQ(error.code, Code::tls);
  EXPECT_THAT(error.what(), HasSubstr("is self-signed"));
  EXPECT_THAT(error.what(), HasSubstr("-o ca_file="));
  EXPECT_THAT(error.what(), HasSubstr("SHA-256"));
  EXPECT_THAT(error.what(), HasSubstr("-o tls_fingerprint=" +
                                      test::fingerprintOf(certificates_.self_signed.certificate)));
}

TEST_F(TransportTest, RefusesAnUnknownAuthorityAndNamesIt) {
  const auto server = ScriptedServer::start([](Peer&) {}, tls(certificates_.good));
  Endpoint to = endpoint(*server);
  to.ca_file.clear();
  const Error error = connectError(to);
  EXPECT_EQ(error.code, Code::tls);
  EXPECT_THAT(error.what(), HasSubstr("emlfs test CA"));
  EXPECT_THAT(error.what(), HasSubstr("-o ca_file="));
}

TEST_F(TransportTest, RefusesAWeakKey) {
  const Error error = refusalOf(certificates_.weak);
  EXPECT_EQ(error.code, Code::tls);
  EXPECT_THAT(error.what(), HasSubstr("too weak"));
}

TEST_F(TransportTest, RefusesTls11) {
  ServerTls old = tls(certificates_.good);
  old.outdated = true;
  const auto server = ScriptedServer::start([](Peer&) {}, old);
  const Error error = connectError(endpoint(*server));
  EXPECT_EQ(error.code, Code::tls);
  EXPECT_THAT(error.what(), HasSubstr("TLS 1.2"));
}

TEST_F(TransportTest, TrustsACertificateThatIsItselfInTheCaFile) {
  const auto server = ScriptedServer::start(greet, tls(certificates_.self_signed));
  Endpoint to = endpoint(*server);
  to.ca_file = certificates_.self_signed.certificate;
  EXPECT_EQ(readExactly(*connect(to), 5), "hello");
}

TEST_F(TransportTest, RefusesACaFileThatIsMissingOrNotPem) {
  const auto server = ScriptedServer::start([](Peer&) {}, tls(certificates_.good));
  Endpoint to = endpoint(*server);
  to.ca_file = *directory_ / "none.pem";
  Error error = connectError(to);
  EXPECT_EQ(error.code, Code::invalid);
  EXPECT_THAT(error.what(), HasSubstr("none.pem"));

  to.ca_file = *directory_ / "text.pem";
  std::ofstream(to.ca_file) << "no certificate\n";
  error = connectError(to);
  EXPECT_EQ(error.code, Code::invalid);
  EXPECT_THAT(error.what(), HasSubstr("text.pem"));
}

TEST_F(TransportTest, AFingerprintReplacesChainAndName) {
  const auto server = ScriptedServer::start(greet, tls(certificates_.wrong_host));
  Endpoint to = endpoint(*server);
  to.ca_file.clear();
  to.fingerprint = test::fingerprintOf(certificates_.wrong_host.certificate);
  EXPECT_EQ(readExactly(*connect(to), 5), "hello");

  std::erase(to.fingerprint, ':');
  for (char& each : to.fingerprint) each = static_cast<char>(std::tolower(each));
  EXPECT_EQ(readExactly(*connect(to), 5), "hello");
}

TEST_F(TransportTest, AFingerprintOfAnotherCertificateIsRefusedEvenIfTheChainIsGood) {
  const auto server = ScriptedServer::start([](Peer&) {}, tls(certificates_.good));
  Endpoint to = endpoint(*server);
  to.fingerprint = test::fingerprintOf(certificates_.expired.certificate);
  const Error error = connectError(to);
  EXPECT_EQ(error.code, Code::tls);
  EXPECT_THAT(error.what(), HasSubstr(test::fingerprintOf(certificates_.good.certificate)));
}

TEST_F(TransportTest, AMalformedFingerprintIsRefusedBeforeConnecting) {
  Endpoint to;
  to.host = "localhost";
  to.port = 1;
  for (const char* text : {"AB:CD", "zz", "::::"}) {
    to.fingerprint = text;
    const Error error = connectError(to);
    EXPECT_EQ(error.code, Code::invalid) << text;
    EXPECT_THAT(error.what(), HasSubstr("tls_fingerprint"));
  }
  to.fingerprint = std::string(63, 'a') + "g";
  EXPECT_EQ(connectError(to).code, Code::invalid);
  EXPECT_EQ(traffic_.connects, 0u);
}

TEST_F(TransportTest, SaysThatAPlaintextServerSpeaksNoTls) {
  const auto server = ScriptedServer::start([](Peer& peer) {
    peer.send("* OK ready\r\n");
    peer.waitForClose();
  });
  const Error error = connectError(endpoint(*server));
  EXPECT_EQ(error.code, Code::tls);
  EXPECT_THAT(error.what(), HasSubstr("does not speak TLS"));
  EXPECT_THAT(error.what(), HasSubstr(std::to_string(server->port())));
  EXPECT_THAT(error.what(), HasSubstr("imap://"));
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

TEST_F(TransportTest, StartTlsVerifiesTheCertificateToo) {
  ServerTls later = tls(certificates_.self_signed);
  later.from_start = false;
  const auto server = ScriptedServer::start(
      [](Peer& peer) { EXPECT_THROW(peer.startTls(), std::runtime_error); }, later);
  const auto transport = connect(endpoint(*server, Security::starttls));
  EXPECT_EQ(errorOf([&] { transport->startTls(soon()); }).code, Code::tls);
  EXPECT_EQ(server->failures(), "");
}

TEST_F(TransportTest, ARefusedConnectionNamesHostAndPort) {
  Endpoint to = endpoint(*ScriptedServer::start([](Peer&) {}));  // stopped at once
  const Error error = connectError(to);
  EXPECT_EQ(error.code, Code::network);
  EXPECT_EQ(error.scope, Scope::connection);
  EXPECT_THAT(error.what(), HasSubstr("localhost:" + std::to_string(to.port)));
  EXPECT_THAT(error.what(), HasSubstr("refused"));
}

TEST_F(TransportTest, AnUnknownHostIsNamed) {
  Endpoint to;
  to.host = "no-such-host.invalid";
  const Error error = connectError(to);
  EXPECT_THAT(error.code, testing::AnyOf(Code::network, Code::timeout));
  EXPECT_THAT(error.what(), HasSubstr("no-such-host.invalid"));
}

// A listener on loopback that lets connections in or, its queue full, leaves them without answer.
struct Listener {
  explicit Listener(bool silent) : socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    auto* in = reinterpret_cast<sockaddr_in*>(&address.bytes);
    in->sin_family = AF_INET;
    in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.size = sizeof *in;
    auto* generic = reinterpret_cast<sockaddr*>(&address.bytes);
    EXPECT_EQ(bind(socket.get(), generic, address.size), 0);
    EXPECT_EQ(listen(socket.get(), silent ? 0 : 8), 0);
    EXPECT_EQ(getsockname(socket.get(), generic, &address.size), 0);
    if (!silent) return;
    fill = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(connect(fill.get(), generic, address.size), 0);
  }
  Address address;
  Fd socket;
  Fd fill;
};

TEST_F(TransportTest, ASilentOrRefusingAddressDoesNotHoldUpTheNext) {
  const Listener silent(true);
  const Listener good(false);
  const Address refusing = Listener(false).address;
  const Fd socket = connectToAny({silent.address, refusing, good.address}, "test",
                                 Deadline::after(Milliseconds(60'000)), interrupt_);
  sockaddr_in peer{};
  socklen_t size = sizeof peer;
  ASSERT_EQ(getpeername(socket.get(), reinterpret_cast<sockaddr*>(&peer), &size), 0);
  EXPECT_EQ(peer.sin_port, reinterpret_cast<const sockaddr_in*>(&good.address.bytes)->sin_port);
}

TEST_F(TransportTest, SilenceOfEveryAddressIsATimeout) {
  const Listener silent(true);
  const Error error = errorOf([&] {
    connectToAny({silent.address}, "host:993", Deadline::after(Milliseconds(300)), interrupt_);
  });
  EXPECT_EQ(error.code, Code::timeout);
  EXPECT_THAT(error.what(), HasSubstr("host:993"));
}

}  // namespace
}  // namespace emlfs::imap
