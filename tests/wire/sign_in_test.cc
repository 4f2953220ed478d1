// How a connection proves who it is: each mechanism, with SASL-IR and without, and servers that
// refuse it, or that are not what they say.
#include <gmock/gmock.h>

#include "imap/scram.h"
#include "wire/sign_in_fixture.h"

namespace emlfs::imap {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

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

}  // namespace
}  // namespace emlfs::imap
