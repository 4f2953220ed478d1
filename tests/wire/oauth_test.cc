// Tokens instead of passwords: OAUTHBEARER (RFC 7628) and XOAUTH2, and tokens that are refused.
#include <gmock/gmock.h>

#include <algorithm>
#include <vector>

#include "wire/sign_in_fixture.h"

namespace emlfs::imap {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

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

}  // namespace
}  // namespace emlfs::imap
