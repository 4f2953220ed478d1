// What is wrong with a client certificate is said before the server is asked.
#include <gmock/gmock.h>

#include <fstream>

#include "support/certificates.h"
#include "support/process.h"
#include "support/scratch_dir.h"
#include "wire/dialogue.h"

namespace emlfs::imap {
namespace {

using testing::HasSubstr;

class ClientCertificate : public testing::Test {
 protected:
  Error failure(const std::string& certificate, const std::string& key) {
    test::ServerTls tls;
    tls.certificate = certificates_.good.certificate;
    tls.key = certificates_.good.key;
    const auto server = ScriptedServer::start(
        [](Peer& peer) {
          peer.send("* BYE no\r\n");
          peer.waitForClose();
        },
        tls);
    SessionOptions options = plainOptions(server->port());
    options.endpoint.security = Security::tls;
    options.endpoint.ca_file = certificates_.ca_file;
    options.endpoint.client_cert = certificate;
    options.endpoint.client_key = key;
    return failureOf([&] { Session::open(options); });
  }
  std::string write(const std::string& name, const std::string& content) {
    std::ofstream(directory_ / name) << content;
    return directory_ / name;
  }

  test::ScratchDir directory_;
  test::Certificates certificates_ = test::makeCertificates(directory_.path());
};

TEST_F(ClientCertificate, FilesThatAreOfNoUse) {
  const auto& [certificate, key] = certificates_.good;
  EXPECT_EQ(failure(certificate, key).code, Code::network);  // the BYE: these are good
  const auto refusal = [&](const std::string& cert, const std::string& its_key) {
    const Error error = failure(cert, its_key);
    EXPECT_EQ(error.code, Code::invalid) << error.what();
    EXPECT_EQ(error.scope, Scope::account);
    return std::string(error.what());
  };
  EXPECT_THAT(refusal(directory_ / "none", key), HasSubstr("client_cert: "));
  EXPECT_THAT(refusal(certificate, directory_ / "none"), HasSubstr("client_key: "));
  EXPECT_THAT(refusal(write("empty", ""), key), HasSubstr("holds no certificate"));
  EXPECT_THAT(refusal(certificate, write("junk", "junk\n")), HasSubstr("holds no private key"));
  EXPECT_THAT(refusal(certificate, ""), HasSubstr("holds no private key"));
  const std::string other = directory_ / "other.key";
  ASSERT_EQ(
      test::run({"openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", other})
          .status,
      0);
  EXPECT_THAT(refusal(certificate, other), HasSubstr("is not the key of"));
  const std::string locked = directory_ / "locked.key";
  ASSERT_EQ(
      test::run({"openssl", "pkey", "-in", key, "-aes256", "-passout", "pass:x", "-out", locked})
          .status,
      0);
  EXPECT_THAT(refusal(certificate, locked), HasSubstr("has a passphrase"));
}

}  // namespace
}  // namespace emlfs::imap
