// Whom a transport trusts, and what it says to a person about those it doesn't.
#include <cctype>
#include <fstream>

#include "imap/tls_context.h"
#include "wire/transport_fixture.h"

namespace emlfs::imap {
namespace {

using testing::HasSubstr;

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
  to.fingerprint.assign(63, 'a');
  to.fingerprint += 'g';
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

TEST_F(TransportTest, StartTlsVerifiesTheCertificateToo) {
  ServerTls later = tls(certificates_.self_signed);
  later.from_start = false;
  const auto server = ScriptedServer::start(
      [](Peer& peer) { EXPECT_THROW(peer.startTls(), std::runtime_error); }, later);
  const auto transport = connect(endpoint(*server, Security::starttls));
  EXPECT_EQ(errorOf([&] { transport->startTls(soon()); }).code, Code::tls);
  EXPECT_EQ(server->failures(), "");
}

}  // namespace
}  // namespace emlfs::imap
