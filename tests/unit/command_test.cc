#include "imap/command.h"

#include <gmock/gmock.h>

#include "emlfs/base/error.h"
#include "imap/base64.h"

namespace emlfs::imap {
namespace {

using testing::ElementsAre;

void expectRefused(const std::function<void()>& make) {
  try {
    make();
    ADD_FAILURE() << "not refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, Code::invalid);
    EXPECT_EQ(error.scope, Scope::mailbox);
  }
}

TEST(Command, QuotesAndEscapes) {
  Command command("EXAMINE");
  command.string("a \"b\\c").string("").syntax("(X)");
  EXPECT_THAT(command.pieces(), ElementsAre("EXAMINE \"a \\\"b\\\\c\" \"\" (X)"));
}

TEST(Command, EightBitNeedsALiteral) {
  Command command("EXAMINE");
  command.string("\xc3\xa4").syntax("(CONDSTORE)");
  EXPECT_THAT(command.pieces(), ElementsAre("EXAMINE {2}\r\n", "\xc3\xa4 (CONDSTORE)"));
}

TEST(Command, LiteralsThatNeedNoWait) {
  Command plus("X", LiteralMode::plus);
  plus.string(std::string(5000, 'a'));
  EXPECT_THAT(plus.pieces(), ElementsAre("X {5000+}\r\n" + std::string(5000, 'a')));
  Command minus("X", LiteralMode::minus);
  minus.string("\xff").string(std::string(5000, 'a'));
  EXPECT_THAT(minus.pieces(), ElementsAre("X {1+}\r\n\xff {5000}\r\n", std::string(5000, 'a')));
}

TEST(Command, Lists) {
  Command command("LIST");
  command.string("").strings({"*", "Other/*"}).syntax("RETURN (SPECIAL-USE)");
  EXPECT_THAT(command.pieces(), ElementsAre("LIST \"\" (\"*\" \"Other/*\") RETURN (SPECIAL-USE)"));
}

TEST(Command, UploadsStandWhereTheirBytesBelong) {
  const Command::Source none = [](uint64_t, std::span<char>) -> size_t { return 0; };
  Command waiting("APPEND");
  waiting.string("a").upload(5, none).flags(Flags({"\\Seen"})).upload(6, none);
  EXPECT_THAT(waiting.pieces(), ElementsAre("APPEND \"a\" {5}\r\n", " (\\Seen) {6}\r\n", ""));
  ASSERT_EQ(waiting.uploads().size(), 2U);
  EXPECT_EQ(waiting.uploads()[0].piece, 1U);
  EXPECT_EQ(waiting.uploads()[0].at, 0U);
  EXPECT_EQ(waiting.uploads()[1].piece, 2U);
  Command plus("APPEND", LiteralMode::plus);
  plus.string("a").upload(5, none).upload(6, none);
  EXPECT_THAT(plus.pieces(), ElementsAre("APPEND \"a\" {5+}\r\n {6+}\r\n"));
  EXPECT_EQ(plus.uploads()[0].at, 17U);
  EXPECT_EQ(plus.uploads()[1].at, plus.pieces()[0].size());
}

TEST(Command, AnswerWaitsForTheServer) {
  Command command("AUTHENTICATE");
  command.syntax("PLAIN").answer("AGEAYg==");
  EXPECT_THAT(command.pieces(), ElementsAre("AUTHENTICATE PLAIN\r\n", "AGEAYg=="));
}

TEST(Command, NothingEndsTheLine) {
  for (const std::string& evil : {std::string("a\r\nA2 DELETE INBOX"), std::string("a\nb"),
                                  std::string("a\rb"), std::string("a\0b", 3)}) {
    for (const auto mode : {LiteralMode::synchronizing, LiteralMode::plus, LiteralMode::minus}) {
      expectRefused([&] { Command("EXAMINE", mode).string(evil); });
      expectRefused([&] { Command("EXAMINE", mode).string("\xff" + evil); });
      expectRefused([&] { Command("EXAMINE", mode).strings({evil}); });
    }
    expectRefused([&] { Command("X").syntax(evil); });
    expectRefused([&] { Command("X").answer(evil); });
    expectRefused([&] { Command command(evil); });
  }
}

TEST(Base64, Vectors) {
  EXPECT_EQ(encodeBase64(""), "");
  EXPECT_EQ(encodeBase64("f"), "Zg==");
  EXPECT_EQ(encodeBase64("fo"), "Zm8=");
  EXPECT_EQ(encodeBase64("foo"), "Zm9v");
  EXPECT_EQ(encodeBase64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(encodeBase64(std::string("\0\xff\xfe", 3)), "AP/+");
}

}  // namespace
}  // namespace emlfs::imap
