#include "support/command_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace emlfs::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> commandsIn(std::string_view bytes) {
  CommandLog log;
  log.feed(bytes);
  return log.take();
}

TEST(CommandLog, FindsCommandsInAnyPieces) {
  const std::string_view session = "a1 LOGIN {4+}\r\nuser {5}\r\na b\r\n\r\na2 SELECT INBOX\r\n";
  for (size_t cut = 0; cut <= session.size(); ++cut) {
    CommandLog log;
    log.feed(session.substr(0, cut));
    log.feed(session.substr(cut));
    EXPECT_THAT(log.take(), ElementsAre("a1 LOGIN {4+}", "a2 SELECT INBOX")) << cut;
  }
}

TEST(CommandLog, SkipsLiteralsThatLookLikeCommands) {
  EXPECT_THAT(commandsIn("a APPEND x {9}\r\nb NOOP x\n\r\nc NOOP\r\n"),
              ElementsAre("a APPEND x {9}", "c NOOP"));
}

TEST(CommandLog, SkipsWhatAnswersTheServer) {
  EXPECT_THAT(commandsIn("a AUTHENTICATE PLAIN\r\nAHQgeAB0 x {3}\r\nb IDLE\r\nDONE\r\nc NOOP\r\n"),
              ElementsAre("a AUTHENTICATE PLAIN", "b IDLE", "c NOOP"));
  EXPECT_THAT(commandsIn("a AUTHENTICATE PLAIN AHQAdA==\r\nb NOOP\r\n"),
              ElementsAre("a AUTHENTICATE PLAIN AHQAdA==", "b NOOP"));
}

TEST(CommandLog, SeesNothingFromTlsOrCompressionOn) {
  EXPECT_THAT(commandsIn("\x16\x03\x01 z\r\na NOOP\r\n"), IsEmpty());
  EXPECT_THAT(commandsIn("a STARTTLS\r\n\x16\x03\x01 z\r\nb NOOP\r\n"), ElementsAre("a STARTTLS"));
  EXPECT_THAT(commandsIn("a COMPRESS DEFLATE\r\nx y\r\n"), ElementsAre("a COMPRESS DEFLATE"));
}

}  // namespace
}  // namespace emlfs::test
