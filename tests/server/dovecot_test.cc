// The test server itself: that it starts as asked for, serves the sample's very bytes, and comes
// back.
#include "support/dovecot.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "support/process.h"
#include "support/sample_mail.h"

namespace emlfs::test {
namespace {

namespace fs = std::filesystem;

// What the server says to one unencrypted session of these commands.
std::string converse(const Dovecot& server, const std::string& commands) {
  const std::string login = "a LOGIN " + server.user() + " \"" + server.password() + "\"\r\n";
  return runOrThrow({"bash", "-c", R"(exec 3<>"/dev/tcp/$0/$1" && cat >&3 && cat <&3)",
                     server.host(), std::to_string(server.imapPort())},
                    login + commands + "z LOGOUT\r\n");
}

size_t occurrences(std::string_view text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(Dovecot, ServesTheSamplesBytes) {
  const Dovecot server({}, sampleMail({"--messages", "200", "--largest", "0"}));
  const std::string inbox = server.mailDirectory() + "/cur";
  const std::string served = converse(server, "b SELECT INBOX\r\nc FETCH 1:* BODY.PEEK[]\r\n");
  size_t compared = 0;
  for (const auto& file : fs::directory_iterator(inbox)) {
    const std::string stored = runOrThrow({"cat", file.path()});
    const std::string literal = "{" + std::to_string(stored.size()) + "}\r\n" + stored;
    EXPECT_NE(served.find(literal), served.npos) << file.path();
    ++compared;
  }
  EXPECT_GT(compared, 40U);
  EXPECT_EQ(occurrences(served, " FETCH (BODY[]"), compared);
}

TEST(Dovecot, KeepsItsPortsOverAKillAndARestart) {
  Dovecot server;
  const uint16_t port = server.imapPort();
  server.deliver("Lists/fresh", "Subject: one\r\n\r\nbody\r\n");
  server.kill();
  EXPECT_THROW(converse(server, ""), std::runtime_error);
  server.restart();
  EXPECT_EQ(server.imapPort(), port);
  EXPECT_NE(converse(server, "b STATUS Lists/fresh (MESSAGES)\r\n").find("MESSAGES 1"),
            std::string::npos);
}

TEST(Dovecot, AnnouncesWhatIsAskedFor) {
  const Dovecot server(
      {"--without", "QRESYNC CONDSTORE", "--separator", ".", "--prefix", "INBOX."});
  const std::string answer = converse(server, "b CAPABILITY\r\nc NAMESPACE\r\n");
  EXPECT_EQ(answer.find("QRESYNC"), answer.npos);
  EXPECT_EQ(answer.find("CONDSTORE"), answer.npos);
  EXPECT_NE(answer.find("LIST-STATUS"), answer.npos);
  EXPECT_NE(answer.find(R"(* NAMESPACE (("INBOX." ".")) NIL NIL)"), answer.npos);
}

TEST(Dovecot, MasksFromTheListThatItReallyHas) {
  const Dovecot whole;
  const Dovecot masked({"--without", "NO-SUCH-WORD"});
  const auto capabilities = [](const Dovecot& server) {
    const std::string answer = converse(server, "b CAPABILITY\r\n");
    const size_t start = answer.find("* CAPABILITY ");
    return answer.substr(start, answer.find('\r', start) - start);
  };
  EXPECT_EQ(capabilities(whole), capabilities(masked));
}

TEST(Dovecot, RefusesPlaintextToClientsThatLookRemote) {
  const Dovecot server({"--address", "127.0.0.2", "--no-plaintext-auth"});
  const std::string answer = converse(server, "");
  EXPECT_NE(answer.find("LOGINDISABLED"), answer.npos);
  EXPECT_NE(answer.find("a NO [PRIVACYREQUIRED]"), answer.npos);
}

}  // namespace
}  // namespace emlfs::test
