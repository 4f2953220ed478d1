// From the greeting to the login, with servers that are honest and with others.
#include <gmock/gmock.h>

#include "support/certificates.h"
#include "support/scratch_dir.h"
#include "wire/dialogue.h"

namespace emlfs::imap {
namespace {

using testing::HasSubstr;

// Opens a session with a server that runs `script`; gives the error, and the script's complaints.
struct Attempt {
  explicit Attempt(const ScriptedServer::Script& script,
                   const std::function<void(SessionOptions&)>& change = {}) {
    const auto server = ScriptedServer::start(script);
    SessionOptions options = plainOptions(server->port());
    if (change) change(options);
    error = failureOf([&] { Session::open(options); });
    failures = server->failures();
  }
  Error error{Code::system, Scope::message, "none"};
  std::string failures;
};

TEST(Login, AuthenticatePlainInOneStep) {
  Dialogue dialogue("IMAP4rev1 NAMESPACE", [](Peer& peer) { peer.waitForClose(); });
  EXPECT_EQ(dialogue.session->greeting(), "ready");
  EXPECT_TRUE(dialogue.session->capabilities().has("NAMESPACE"));
  EXPECT_FALSE(dialogue.session->capabilities().has("SASL-IR"));  // that was before the login
  EXPECT_EQ(dialogue.session->tlsVersion(), "");
  EXPECT_EQ(dialogue.end(), "");
}

TEST(Login, AuthenticatePlainWithoutSaslIr) {
  const auto server = ScriptedServer::start([](Peer& peer) {
    peer.send("* OK hello\r\n");
    std::string tag = peer.expect("CAPABILITY");
    peer.send("* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n" + tag + " OK\r\n");
    tag = peer.expect("AUTHENTICATE PLAIN");
    peer.send("* OK something in between\r\n+ \r\n");
    if (peer.readLine() != "AGFsaWNlAHNlY3JldA==") throw std::runtime_error("wrong answer");
    peer.send(tag + " OK\r\n");
    tag = peer.expect("CAPABILITY");
    peer.send("* CAPABILITY IMAP4rev1 IDLE\r\n" + tag + " OK\r\n");
    peer.waitForClose();
  });
  auto session = Session::open(plainOptions(server->port()));
  EXPECT_TRUE(session->capabilities().has("IDLE"));
  session.reset();
  EXPECT_EQ(server->failures(), "");
}

TEST(Login, LoginCommandWithAwkwardPasswords) {
  const auto server = ScriptedServer::start([](Peer& peer) {
    peer.send("* OK [CAPABILITY IMAP4rev1] hello\r\n");
    std::string tag;
    switch (peer.connection()) {
      case 0:
        tag = peer.expect("LOGIN \"alice\" \"a\\\"b\\\\c {5}\"");
        break;
      case 1:
        tag = peer.expect("LOGIN \"alice\" \"\"");
        break;
      default:
        tag = peer.expect("LOGIN \"alice\" {4}");
        peer.send("* CAPABILITY IMAP4rev1\r\n+ go on\r\n");
        if (peer.readLine() != "\xc3\xa4\xc3\xb6") throw std::runtime_error("wrong literal");
    }
    peer.send(tag + " OK [CAPABILITY IMAP4rev1] in\r\n");
    peer.waitForClose();
  });
  for (const char* password : {"a\"b\\c {5}", "", "\xc3\xa4\xc3\xb6"}) {
    SessionOptions options = plainOptions(server->port());
    options.secret = [password](const auto&) { return Secret(password); };
    Session::open(options);
  }
  EXPECT_EQ(server->failures(), "");
}

TEST(Login, PasswordCanNotInjectACommand) {
  const Attempt attempt(
      [](Peer& peer) {
        peer.send("* OK [CAPABILITY IMAP4rev1] hello\r\n");
        peer.waitForClose();
      },
      [](SessionOptions& options) {
        options.secret = [](const auto&) { return Secret("x\r\nA9 DELETE INBOX"); };
      });
  EXPECT_EQ(attempt.error.code, Code::auth);
  EXPECT_THAT(attempt.error.what(), testing::Not(HasSubstr("DELETE")));
  EXPECT_EQ(attempt.failures, "");
}

TEST(Login, WrongPassword) {
  const Attempt attempt([](Peer& peer) {
    peer.send("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n");
    const std::string tag = peer.expect("AUTHENTICATE");
    peer.send(tag + " NO [AUTHENTICATIONFAILED] Wrong \x1b[31m password\r\n");
    peer.waitForClose();
  });
  EXPECT_EQ(attempt.error.code, Code::auth);
  EXPECT_EQ(attempt.error.scope, Scope::account);
  EXPECT_EQ(attempt.error.server, "Wrong ?[31m password");
  EXPECT_EQ(attempt.failures, "");
}

TEST(Login, TemporaryFailureIsNotAWrongPassword) {
  const Attempt attempt([](Peer& peer) {
    peer.send("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n");
    peer.send(peer.expect("AUTHENTICATE") + " NO [UNAVAILABLE] later\r\n");
    peer.waitForClose();
  });
  EXPECT_EQ(attempt.error.code, Code::network);
  EXPECT_EQ(attempt.error.scope, Scope::connection);
}

TEST(Login, FallsBackWhenPlainIsNotUnderstood) {
  const auto server = ScriptedServer::start([](Peer& peer) {
    peer.send("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hello\r\n");
    peer.send(peer.expect("AUTHENTICATE") + " BAD what?\r\n");
    peer.send(peer.expect("LOGIN \"alice\" \"secret\"") + " OK [CAPABILITY IMAP4rev1] in\r\n");
    peer.waitForClose();
  });
  Session::open(plainOptions(server->port()));
  EXPECT_EQ(server->failures(), "");
}

TEST(Login, LoginDisabled) {
  const Attempt attempt([](Peer& peer) {
    peer.send("* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hello\r\n");
    peer.waitForClose();
  });
  EXPECT_EQ(attempt.error.code, Code::auth);
  EXPECT_EQ(attempt.failures, "");
}

TEST(Login, GreetingIsBye) {
  const Attempt attempt([](Peer& peer) { peer.send("* BYE Too many connections\r\n"); });
  EXPECT_EQ(attempt.error.code, Code::network);
  EXPECT_EQ(attempt.error.scope, Scope::connection);
  EXPECT_EQ(attempt.error.server, "Too many connections");
}

TEST(Login, GreetingIsNotImap) {
  const Attempt attempt([](Peer& peer) {
    peer.send("SSH-2.0-OpenSSH_9.2\r\n");
    peer.waitForClose();
  });
  EXPECT_EQ(attempt.error.code, Code::protocol);
  EXPECT_THAT(attempt.error.what(), HasSubstr("SSH-2.0"));
}

TEST(Login, GreetingsThatCrashLibetpan) {
  for (const char* greeting : {"* OK [BADCHARSET (\"x\")] hi", "* OK [PERMANENTFLAGS (%)] hi"}) {
    const auto server = ScriptedServer::start([greeting](Peer& peer) {
      peer.send(std::string(greeting) + "\r\n");
      std::string tag = peer.expect("CAPABILITY");
      peer.send("* CAPABILITY IMAP4rev1\r\n" + tag + " OK\r\n");
      peer.send(peer.expect("LOGIN") + " OK [CAPABILITY IMAP4rev1] in\r\n");
      peer.waitForClose();
    });
    EXPECT_EQ(Session::open(plainOptions(server->port()))->greeting(), "hi");
    EXPECT_EQ(server->failures(), "");
  }
}

TEST(Login, CapabilityOkWithoutData) {
  const Attempt attempt([](Peer& peer) {
    peer.send("* OK hello\r\n");
    peer.send(peer.expect("CAPABILITY") + " OK done\r\n");
    peer.waitForClose();
  });
  EXPECT_EQ(attempt.error.code, Code::protocol);
  EXPECT_EQ(attempt.error.scope, Scope::connection);
}

TEST(Login, Preauth) {
  const auto greet = [](Peer& peer) {
    peer.send("* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] welcome back\r\n");
    peer.waitForClose();
  };
  const Attempt attempt(
      greet, [](SessionOptions& options) { options.endpoint.security = Security::starttls; });
  EXPECT_EQ(attempt.error.code, Code::tls);
  EXPECT_EQ(attempt.error.scope, Scope::account);
  EXPECT_EQ(attempt.failures, "");

  const auto server = ScriptedServer::start(greet);
  EXPECT_EQ(Session::open(plainOptions(server->port()))->greeting(), "welcome back");
}

TEST(Login, MaskedCapabilities) {
  const auto without = [](const char* name) {
    return [name](SessionOptions& options) { options.without = {name}; };
  };
  // The script of this one has no ENABLE: it would be an unexpected line.
  const auto server = ScriptedServer::start([](Peer& peer) {
    peer.send("* OK [CAPABILITY IMAP4rev1] x\r\n");
    peer.send(peer.expect("LOGIN") + " OK [CAPABILITY IMAP4rev1 ENABLE QRESYNC CONDSTORE] in\r\n");
    peer.send(peer.expect("NOOP") + " OK\r\n");
    peer.waitForClose();
  });
  for (const char* name : {"QRESYNC", "condstore"}) {
    SessionOptions options = plainOptions(server->port());
    without(name)(options);
    const auto session = Session::open(options);
    session->noop();
    EXPECT_FALSE(session->capabilities().has("QRESYNC"));
    EXPECT_EQ(session->capabilities().has("CONDSTORE"), std::string(name) == "QRESYNC");
  }
  EXPECT_EQ(server->failures(), "");
}

TEST(Login, QresyncThatIsNotEnabledIsNotThere) {
  const auto server = ScriptedServer::start([](Peer& peer) {
    peer.send("* OK [CAPABILITY IMAP4rev1] x\r\n");
    peer.send(peer.expect("LOGIN") + " OK [CAPABILITY IMAP4rev1 ENABLE QRESYNC] in\r\n");
    peer.send(peer.expect("ENABLE QRESYNC") + " OK nothing\r\n");
    peer.waitForClose();
  });
  EXPECT_FALSE(Session::open(plainOptions(server->port()))->capabilities().has("QRESYNC"));
  EXPECT_EQ(server->failures(), "");
}

class StartTls : public testing::Test {
 protected:
  std::function<void(SessionOptions&)> security() {
    return [this](SessionOptions& options) {
      options.endpoint.security = Security::starttls;
      options.endpoint.ca_file = certificates_.ca_file;
    };
  }
  test::ServerTls serverTls() {
    test::ServerTls tls;
    tls.certificate = certificates_.good.certificate;
    tls.key = certificates_.good.key;
    tls.from_start = false;
    return tls;
  }

  test::ScratchDir directory_;
  test::Certificates certificates_ = test::makeCertificates(directory_.path());
};

TEST_F(StartTls, ForgetsWhatWasSaidBefore) {
  const auto server = ScriptedServer::start(
      [](Peer& peer) {
        peer.send("* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN X-EVIL] hello\r\n");
        peer.send(peer.expect("STARTTLS") + " OK go\r\n");
        peer.startTls();
        std::string tag = peer.expect("CAPABILITY");
        peer.send("* CAPABILITY IMAP4rev1\r\n" + tag + " OK\r\n");
        peer.send(peer.expect("LOGIN \"alice\" \"secret\"") + " OK in\r\n");
        tag = peer.expect("CAPABILITY");
        peer.send("* CAPABILITY IMAP4rev1 IDLE\r\n" + tag + " OK\r\n");
        peer.waitForClose();
      },
      serverTls());
  SessionOptions options = plainOptions(server->port());
  security()(options);
  auto session = Session::open(options);
  EXPECT_FALSE(session->capabilities().has("X-EVIL"));
  EXPECT_THAT(session->tlsVersion(), testing::StartsWith("TLSv1."));
  session.reset();
  EXPECT_EQ(server->failures(), "");
}

TEST_F(StartTls, Stripped) {
  const Attempt attempt(
      [](Peer& peer) {
        peer.send("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello\r\n");
        peer.waitForClose();
      },
      security());
  EXPECT_EQ(attempt.error.code, Code::tls);
  EXPECT_THAT(attempt.error.what(), HasSubstr("imaps://"));
  EXPECT_EQ(attempt.failures, "");
}

TEST_F(StartTls, Refused) {
  const Attempt attempt(
      [](Peer& peer) {
        peer.send("* OK [CAPABILITY IMAP4rev1 STARTTLS] hello\r\n");
        peer.send(peer.expect("STARTTLS") + " NO not today\r\n");
        peer.waitForClose();
      },
      security());
  EXPECT_EQ(attempt.error.code, Code::tls);
  EXPECT_EQ(attempt.error.server, "not today");
  EXPECT_EQ(attempt.failures, "");
}

TEST_F(StartTls, InjectedPlaintext) {
  const Attempt attempt(
      [](Peer& peer) {
        peer.send("* OK [CAPABILITY IMAP4rev1 STARTTLS] hello\r\n");
        peer.send(peer.expect("STARTTLS") + " OK go\r\n* CAPABILITY X-EVIL\r\n");
        peer.waitForClose();
      },
      security());
  EXPECT_EQ(attempt.error.code, Code::tls);
  EXPECT_EQ(attempt.failures, "");
}

}  // namespace
}  // namespace emlfs::imap
