// How a connection proves who it is: each mechanism, with SASL-IR and without, and servers that
// refuse it, or that are not what they say.
#include <gmock/gmock.h>

#include <fstream>
#include <vector>

#include "imap/base64.h"
#include "imap/scram.h"
#include "support/certificates.h"
#include "support/process.h"
#include "support/scratch_dir.h"
#include "wire/dialogue.h"

namespace emlfs::imap {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// What the server says of itself before the login.
void greet(Peer& peer, const std::string& capabilities) {
  peer.send("* OK [CAPABILITY IMAP4rev1 " + capabilities + "] ready\r\n");
}

void letIn(Peer& peer, const std::string& tag) {
  peer.send(tag + " OK [CAPABILITY IMAP4rev1] in\r\n");
  peer.waitForClose();
}

void expectLine(Peer& peer, const std::string& wanted) {
  const std::string line = peer.readLine();
  if (line != wanted) throw std::runtime_error("expected '" + wanted + "', got '" + line + "'");
}

void challenge(Peer& peer, const std::string& text) {
  peer.send("+ " + encodeBase64(text) + "\r\n");
}

std::string answerOf(Peer& peer) {
  const std::string line = peer.readLine();
  const auto text = decodeBase64(line);
  if (!text) throw std::runtime_error("no base64: " + line);
  return *text;
}

// Gives the tokens one after the other, and says which were said to be refused.
struct Tokens {
  explicit Tokens(std::vector<std::string> all) : given(std::move(all)) {}
  SecretSource source() {
    return [this](const SecretRequest& request) {
      if (request.refused) refused.emplace_back(request.refused->reveal());
      const size_t at = std::min(refused.size(), given.size() - 1);
      return Secret(given[at]);
    };
  }
  std::vector<std::string> given;
  std::vector<std::string> refused;
};

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

// The server's side of SCRAM-SHA-256 for "alice" with "secret", up to the tagged answer, which is
// the caller's. Whatever the client computes is held against this.
struct ScramServer {
  std::string rounds = "4096";
  std::string signature_prefix = "v=";
  bool lies = false;

  void run(Peer& peer, const std::string& first) const {
    if (!first.starts_with("n,,n=alice,r=")) throw std::runtime_error("first: " + first);
    const std::string bare = first.substr(3);
    const std::string nonce = bare.substr(bare.find("r=") + 2) + "server";
    const std::string ours = "r=" + nonce + ",s=" + encodeBase64("salt") + ",i=" + rounds;
    challenge(peer, ours);
    const std::string last = answerOf(peer);
    const ScramFinal wanted = scramFinal(bare, Secret("secret"), ours);
    if (last != wanted.message) throw std::runtime_error("last: " + last);
    std::string signature = wanted.server_signature;
    if (lies) signature[0] = static_cast<char>(signature[0] ^ 1);
    challenge(peer, signature_prefix + encodeBase64(signature));
  }
};

TEST_F(SignIn, ScramInOneStep) {
  succeeds([](Peer& peer) {
    greet(peer, "SASL-IR AUTH=PLAIN AUTH=SCRAM-SHA-256");
    const std::string line = peer.readLine();
    const std::string verb = " AUTHENTICATE SCRAM-SHA-256 ";
    const size_t at = line.find(verb);
    if (at == line.npos) throw std::runtime_error(line);
    ScramServer().run(peer, decodeBase64(line.substr(at + verb.size())).value());
    expectLine(peer, "");
    letIn(peer, line.substr(0, at));
  });
}

TEST_F(SignIn, ScramWithoutSaslIr) {
  succeeds([](Peer& peer) {
    greet(peer, "AUTH=SCRAM-SHA-256");
    const std::string tag = exactly(peer, "AUTHENTICATE SCRAM-SHA-256");
    peer.send("+ \r\n");
    ScramServer().run(peer, answerOf(peer));
    expectLine(peer, "");
    letIn(peer, tag);
  });
}

TEST_F(SignIn, AServerThatCanNotProveItselfIsLeft) {
  for (const bool lies : {true, false}) {
    const Error error = failure([lies](Peer& peer) {
      greet(peer, "AUTH=SCRAM-SHA-256");
      const std::string tag = exactly(peer, "AUTHENTICATE SCRAM-SHA-256");
      peer.send("+ \r\n");
      ScramServer server;
      server.lies = true;
      if (lies) {
        server.run(peer, answerOf(peer));
      } else {  // who doesn't even try
        peer.readLine();
        peer.send(tag + " OK welcome\r\n");
      }
      peer.waitForClose();
    });
    EXPECT_EQ(error.code, Code::auth);
    EXPECT_EQ(error.scope, Scope::account);
    EXPECT_THAT(error.what(), HasSubstr("is not the one that it claims to be"));
  }
}

TEST_F(SignIn, HostileRounds) {
  for (const char* rounds : {"1", "1000000000"}) {
    const auto began = Clock::now();
    const Error error = failure([rounds](Peer& peer) {
      greet(peer, "AUTH=SCRAM-SHA-256");
      exactly(peer, "AUTHENTICATE SCRAM-SHA-256");
      peer.send("+ \r\n");
      const std::string first = answerOf(peer);
      challenge(peer, "r=" + first.substr(first.find("r=") + 2) + "x,s=c2FsdA==,i=" + rounds);
      peer.waitForClose();  // without an answer
    });
    EXPECT_EQ(error.code, Code::auth);
    EXPECT_THAT(error.what(), HasSubstr(std::string(rounds) + " rounds"));
    EXPECT_LT(Clock::now() - began, Milliseconds(3'000));
  }
}

TEST_F(SignIn, RefusedScramNamesTheWayOut) {
  const auto script = [](Peer& peer) {
    greet(peer, "AUTH=SCRAM-SHA-256 AUTH=PLAIN SASL-IR");
    const std::string tag = peer.expect("AUTHENTICATE");
    peer.send(tag + " NO [AUTHENTICATIONFAILED] no\r\n");
    peer.waitForClose();
  };
  const Error error = failure(script);
  EXPECT_EQ(error.code, Code::auth);
  EXPECT_EQ(error.scope, Scope::account);
  EXPECT_THAT(error.what(), HasSubstr("without=AUTH=SCRAM-SHA-256"));

  without_ = {"AUTH=SCRAM-SHA-256"};
  EXPECT_THAT(failure(script).what(), testing::Not(HasSubstr("SCRAM")));
  succeeds([](Peer& peer) {
    greet(peer, "AUTH=SCRAM-SHA-256 AUTH=PLAIN SASL-IR");
    letIn(peer, peer.expect("AUTHENTICATE PLAIN AGFsaWNlAHNlY3JldA=="));
  });
}

TEST_F(SignIn, MechanismsThatTheServerDoesNotKnowAfterAll) {
  succeeds([](Peer& peer) {
    greet(peer, "AUTH=SCRAM-SHA-256 AUTH=PLAIN AUTH=LOGIN SASL-IR");
    peer.send(peer.expect("AUTHENTICATE SCRAM-SHA-256") + " BAD what?\r\n");
    peer.send(peer.expect("AUTHENTICATE PLAIN") + " BAD what?\r\n");
    peer.send(peer.expect("AUTHENTICATE LOGIN") + " BAD what?\r\n");
    letIn(peer, peer.expect("LOGIN \"alice\" \"secret\""));
  });
}

TEST_F(SignIn, Login) {
  succeeds([](Peer& peer) {
    greet(peer, "AUTH=LOGIN SASL-IR LOGINDISABLED");
    const std::string tag = exactly(peer, "AUTHENTICATE LOGIN");
    challenge(peer, "User Name");
    expectLine(peer, "YWxpY2U=");
    challenge(peer, "Password");
    expectLine(peer, "c2VjcmV0");
    letIn(peer, tag);
  });
}

// However often a server asks, and whatever.
TEST_F(SignIn, ChallengesWithoutEnd) {
  for (const char* mechanism : {"LOGIN", "PLAIN", "SCRAM-SHA-256", "XOAUTH2", "EXTERNAL"}) {
    authentication_ = std::string(mechanism) == "XOAUTH2"    ? Authentication::oauth2
                      : std::string(mechanism) == "EXTERNAL" ? Authentication::external
                                                             : Authentication::password;
    const Error error = failure([mechanism](Peer& peer) {
      greet(peer, std::string("AUTH=") + mechanism);
      peer.expect("AUTHENTICATE");
      try {
        for (int i = 0; i < 1'000; ++i) {
          challenge(peer, "more");
          peer.readLine();
        }
      } catch (const std::runtime_error&) {
        return;  // the client has gone
      }
      throw std::runtime_error("it goes on answering");
    });
    EXPECT_THAT(error.scope, testing::AnyOf(Scope::connection, Scope::account)) << mechanism;
    EXPECT_THAT(error.code, testing::AnyOf(Code::protocol, Code::auth)) << mechanism;
  }
}

TEST_F(SignIn, ChallengesThatAreNone) {
  for (const auto& [text, code] : {std::pair<std::string, Code>{"not base64", Code::protocol},
                                   {std::string(100'000, 'A'), Code::limit},
                                   {std::string(9 << 20, 'A'), Code::limit}}) {
    const Error error = failure([&](Peer& peer) {
      greet(peer, "AUTH=LOGIN");
      peer.expect("AUTHENTICATE LOGIN");
      try {
        peer.send("+ " + text + "\r\n");
      } catch (const std::runtime_error&) {
        return;  // it has gone before it had all of that
      }
      peer.waitForClose();
    });
    EXPECT_EQ(error.code, code);
    EXPECT_EQ(error.scope, Scope::connection);
  }
}

class OAuth : public SignIn {
 protected:
  OAuth() {
    authentication_ = Authentication::oauth2;
    secret_ = tokens_.source();
  }
  Tokens tokens_{{"token-1", "token-2"}};
};

TEST_F(OAuth, BearerInOneStep) {
  succeeds([](Peer& peer) {
    greet(peer, "SASL-IR AUTH=XOAUTH2 AUTH=OAUTHBEARER AUTH=PLAIN");
    const std::string line = peer.readLine();
    const std::string verb = " AUTHENTICATE OAUTHBEARER ";
    const size_t at = line.find(verb);
    if (at == line.npos) throw std::runtime_error(line);
    const std::string text = decodeBase64(line.substr(at + verb.size())).value();
    if (!text.starts_with("n,a=alice,\1host=127.0.0.1\1port=") ||
        !text.ends_with("\1auth=Bearer token-1\1\1"))
      throw std::runtime_error(text);
    letIn(peer, line.substr(0, at));
  });
  EXPECT_THAT(tokens_.refused, testing::IsEmpty());
}

TEST_F(OAuth, XOAuth2WithoutSaslIr) {
  succeeds([](Peer& peer) {
    greet(peer, "AUTH=XOAUTH2");
    const std::string tag = exactly(peer, "AUTHENTICATE XOAUTH2");
    peer.send("+ \r\n");
    expectLine(peer, encodeBase64("user=alice\1auth=Bearer token-1\1\1"));
    letIn(peer, tag);
  });
}

// RFC 7628 section 3.2.3; what Google and Microsoft do.
TEST_F(OAuth, AnErrorIsAnsweredAndTheNextTokenTried) {
  for (const auto& [mechanism, acknowledgement] :
       {std::pair<std::string, std::string>{"OAUTHBEARER", "\1"}, {"XOAUTH2", ""}}) {
    Tokens tokens{{"token-1", "token-2"}};
    secret_ = tokens.source();
    succeeds([&](Peer& peer) {
      greet(peer, "SASL-IR AUTH=" + mechanism);
      const std::string tag = peer.expect("AUTHENTICATE " + mechanism);
      if (peer.connection() == 1) return letIn(peer, tag);
      challenge(peer, R"({"status":"invalid_token","scope":"mail"})");
      expectLine(peer, encodeBase64(acknowledgement));
      peer.send(tag + " NO [AUTHENTICATIONFAILED] Authentication failed.\r\n");
      peer.waitForClose();
    });
    EXPECT_THAT(tokens.refused, ElementsAre("token-1"));
  }
}

TEST_F(OAuth, TwiceRefusedIsFinal) {
  const Error error = failure([](Peer& peer) {
    if (peer.connection() > 1) throw std::runtime_error("a third time");
    greet(peer, "SASL-IR AUTH=XOAUTH2");
    const std::string tag = peer.expect("AUTHENTICATE XOAUTH2");
    challenge(peer, R"({"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"})");
    peer.readLine();
    peer.send(tag + " NO [AUTHENTICATIONFAILED] Invalid credentials\r\n");
    peer.waitForClose();
  });
  EXPECT_EQ(error.code, Code::auth);
  EXPECT_EQ(error.scope, Scope::account);
  EXPECT_EQ(error.server, "Invalid credentials");
  EXPECT_THAT(error.what(), HasSubstr("status 400, scope https://mail.google.com/"));
  EXPECT_THAT(error.what(), testing::Not(HasSubstr("token-")));
  EXPECT_THAT(tokens_.refused, ElementsAre("token-1"));
}

TEST_F(OAuth, TheSameTokenIsNotTriedAgain) {
  tokens_.given = {"token-1"};
  const Error error = failure([](Peer& peer) {
    if (peer.connection() > 0) throw std::runtime_error("again");
    greet(peer, "SASL-IR AUTH=XOAUTH2");
    peer.send(peer.expect("AUTHENTICATE XOAUTH2") + " NO no\r\n");
    peer.waitForClose();
  });
  EXPECT_EQ(error.code, Code::auth);
  EXPECT_EQ(error.scope, Scope::account);
}

// What the token would be sent with on a server that has no such mechanism: nothing.
TEST_F(OAuth, NotOffered) {
  const Error error = failure([](Peer& peer) {
    greet(peer, "SASL-IR AUTH=PLAIN AUTH=EXTERNAL");
    peer.waitForClose();
  });
  EXPECT_EQ(error.code, Code::auth);
  EXPECT_THAT(error.what(), HasSubstr("no OAUTHBEARER and no XOAUTH2"));
  EXPECT_THAT(tokens_.refused, testing::IsEmpty());
}

TEST_F(OAuth, ATokenThatIsTooLongForALineComesAfterIt) {
  const std::string token(20'000, 't');
  tokens_.given = {token};
  succeeds([&](Peer& peer) {
    greet(peer, "SASL-IR AUTH=XOAUTH2");
    const std::string tag = exactly(peer, "AUTHENTICATE XOAUTH2");
    peer.send("+ \r\n");
    expectLine(peer, encodeBase64("user=alice\1auth=Bearer " + token + "\1\1"));
    letIn(peer, tag);
  });
}

TEST_F(SignIn, External) {
  authentication_ = Authentication::external;
  secret_ = [](const SecretRequest&) -> Secret { throw std::runtime_error("nobody needs one"); };
  succeeds([](Peer& peer) {
    greet(peer, "SASL-IR AUTH=EXTERNAL AUTH=PLAIN");
    letIn(peer, exactly(peer, "AUTHENTICATE EXTERNAL YWxpY2U="));
  });
  EXPECT_THAT(failure([](Peer& peer) {
                greet(peer, "SASL-IR AUTH=PLAIN");
                peer.waitForClose();
              }).what(),
              HasSubstr("no EXTERNAL"));
  const Error error = failure([](Peer& peer) {
    greet(peer, "SASL-IR AUTH=EXTERNAL");
    peer.send(peer.expect("AUTHENTICATE EXTERNAL") + " NO who?\r\n");
    peer.waitForClose();
  });
  EXPECT_EQ(error.code, Code::auth);
  EXPECT_EQ(error.scope, Scope::account);
}

// The server is not even asked for its greeting while there is nothing to say to it.
TEST_F(SignIn, NoConnectionBeforeThereIsASecret) {
  const auto server = ScriptedServer::start([](Peer&) { throw std::runtime_error("connected"); });
  secret_ = [](const SecretRequest&) -> Secret {
    throw Error(Code::auth, Scope::connection, "token_command failed: exit status 1");
  };
  EXPECT_ERROR(Session::open(options(*server)), Code::auth, Scope::connection);
  EXPECT_EQ(server->failures(), "");
}

// RFC 5530: what was let in is so no longer.
TEST(SignedIn, ExpiresInTheMiddle) {
  for (const char* code : {"EXPIRED", "AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED"}) {
    Dialogue dialogue("IMAP4rev1", [code](Peer& peer) {
      peer.send(peer.expect("NOOP") + " NO [" + code + "] the token has expired\r\n");
      peer.waitForClose();
    });
    EXPECT_ERROR(dialogue.session->noop(), Code::auth, Scope::connection);
    EXPECT_EQ(dialogue.end(), "");
  }
}

TEST(SignedIn, AMailboxThatAProxyMayNotOpenIsNotTheEnd) {
  Dialogue dialogue("IMAP4rev1", [](Peer& peer) {
    peer.send(peer.expect("EXAMINE") + " NO [AUTHORIZATIONFAILED] not yours\r\n");
    peer.send(peer.expect("NOOP") + " OK\r\n");
    peer.waitForClose();
  });
  EXPECT_ERROR(dialogue.session->examine("INBOX"), Code::denied, Scope::mailbox);
  dialogue.session->noop();
  EXPECT_EQ(dialogue.end(), "");
}

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
