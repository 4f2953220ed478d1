// Signing in to real servers: with SCRAM, with tokens, with a client certificate.
#include <gmock/gmock.h>

#include <filesystem>
#include <vector>

#include "emlfs/base/error.h"
#include "emlfs/imap/session.h"
#include "support/dovecot.h"
#include "support/server_test.h"
#include "support/session_options.h"
#include "support/token_server.h"

namespace emlfs::imap {
namespace {

using test::Dovecot;
using test::ImapServer;
using testing::HasSubstr;

Error failureOf(const SessionOptions& options) {
  try {
    Session::open(options)->noop();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "signed in";
  return {Code::system, Scope::message, ""};
}

// Who fails often waits longer and longer, in the tests as well.
const char* const kNoPenalty =
    "service anvil {\n  unix_listener anvil-auth-penalty {\n    mode = 0\n  }\n}";

TEST(SignInToDovecot, Scram) {
  const Dovecot server({"--set", "auth_mechanisms = scram-sha-256", "--set", kNoPenalty});
  for (const char* without : {"SASL-IR", "NONE"}) {
    SessionOptions options = test::sessionOptions(server);
    options.without = {without};
    Session::open(options)->noop();
    options.secret = [](const auto&) { return Secret("wrong"); };
    const Error error = failureOf(options);
    EXPECT_EQ(error.code, Code::auth) << error.what();
    EXPECT_EQ(error.scope, Scope::account);
  }
  EXPECT_THAT(server.log(), HasSubstr("method=SCRAM-SHA-256"));
}

// "a=b" and what lies beyond ASCII.
TEST(SignInToDovecot, AwkwardNames) {
  const std::string user = "a=b\xc3\xa4";
  const std::string password = "\xc3\xb6,=\"\\ \xe2\x82\xac";
  const Dovecot server({"--user", user, "--password", password, "--set",
                        "auth_mechanisms = plain login scram-sha-256", "--set",
                        "auth_username_chars ="});
  for (const char* without : {"NONE", "AUTH=SCRAM-SHA-256"}) {
    SessionOptions options = test::sessionOptions(server);
    options.without = {without};
    Session::open(options)->noop();
  }
  SessionOptions options = test::sessionOptions(server);
  options.without = {"AUTH=SCRAM-SHA-256", "AUTH=PLAIN"};
  Session::open(options)->noop();
  EXPECT_THAT(server.log(), HasSubstr("method=SCRAM-SHA-256"));
  EXPECT_THAT(server.log(), HasSubstr("method=PLAIN"));
  EXPECT_THAT(server.log(), HasSubstr("method=LOGIN"));
}

TEST(SignInToDovecot, Tokens) {
  test::TokenServer tokens;
  const Dovecot server({"--oauth2", tokens.url(), "--set", kNoPenalty});
  int number = 0;
  for (const char* without : {"AUTH=XOAUTH2", "AUTH=OAUTHBEARER"}) {
    for (const char* also : {"SASL-IR", "NONE"}) {
      const std::string good = "ya29.token-" + std::to_string(++number);
      tokens.accept(good, server.user());
      SessionOptions options = test::sessionOptions(server);
      options.endpoint.authentication = Authentication::oauth2;
      options.without = {without, also};
      int asked = 0;
      // The first has expired.
      options.secret = [&](const SecretRequest& request) {
        ++asked;
        return Secret(request.refused ? good : "old-" + good);
      };
      Session::open(options)->noop();
      EXPECT_EQ(asked, 2);
      EXPECT_EQ(tokens.asked("old-" + good), 1U);

      options.secret = [](const auto&) { return Secret("stolen"); };
      const Error error = failureOf(options);
      EXPECT_EQ(error.code, Code::auth) << error.what();
      EXPECT_EQ(error.scope, Scope::account);
      EXPECT_THAT(error.what(), HasSubstr("status "));
      EXPECT_THAT(error.what(), testing::Not(HasSubstr("stolen")));

      tokens.accept(good, "somebody-else");
      options.secret = [&](const auto&) { return Secret(good); };
      EXPECT_EQ(failureOf(options).code, Code::auth);
    }
  }
}

TEST(SignInToDovecot, ClientCertificates) {
  const Dovecot server({"--client-certificates", "--set", kNoPenalty});
  const std::string tls = std::filesystem::path(server.caFile()).parent_path().string() + "/";
  SessionOptions options = test::sessionOptions(server);
  options.endpoint.authentication = Authentication::external;
  options.secret = [](const auto&) -> Secret {
    throw Error(Code::auth, Scope::connection, "nobody needs one");
  };
  const Error without = failureOf(options);
  EXPECT_THAT(without.code, testing::AnyOf(Code::tls, Code::auth)) << without.what();
  EXPECT_EQ(without.scope, Scope::account);

  options.endpoint.client_cert = tls + "client.pem";
  options.endpoint.client_key = tls + "client.key";
  for (int i = 0; i < 2; ++i) Session::open(options)->noop();
  EXPECT_THAT(server.log(), HasSubstr("method=EXTERNAL"));

  // TLS sessions of the one are not taken up by another.
  options.endpoint.client_cert = tls + "other-client.pem";
  options.endpoint.client_key = tls + "other-client.key";
  const Error other = failureOf(options);
  EXPECT_THAT(other.code, testing::AnyOf(Code::tls, Code::auth)) << other.what();
  EXPECT_EQ(other.scope, Scope::account);

  // With a password as well: both are needed. (The session of the first try is not taken up again
  // by a Dovecot that asks for certificates: it closes the connection.)
  options = test::sessionOptions(server);
  EXPECT_EQ(failureOf(options).code, Code::network);
  EXPECT_THAT(failureOf(options).server, HasSubstr("SSL certificate"));
  options.endpoint.client_cert = tls + "client.pem";
  options.endpoint.client_key = tls + "client.key";
  Session::open(options)->noop();
}

class SignInToCyrus : public test::ServerTest {
 protected:
  void SetUp() override { start(ImapServer::Kind::cyrus, {"--mechanisms", "SCRAM-SHA-256 PLAIN"}); }
};

TEST_F(SignInToCyrus, Scram) {
  SessionOptions options = test::sessionOptions(server());
  options.without = {"AUTH=PLAIN", "AUTH=LOGIN"};
  Session::open(options)->noop();
  options.secret = [](const auto&) { return Secret("wrong"); };
  EXPECT_THAT(failureOf(options).what(), HasSubstr("SCRAM-SHA-256"));
}

}  // namespace
}  // namespace emlfs::imap
