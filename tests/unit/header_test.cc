// decodeHeader and senderName: what names_test can't see behind the names.
#include <gtest/gtest.h>

#include <string>

#include "emlfs/view/names.h"
#include "view/text.h"

namespace emlfs {
namespace {

using namespace std::string_literals;
using view::decodeHeader;
using view::senderName;

TEST(DecodeHeader, KeepsPlainText) {
  EXPECT_EQ(decodeHeader(""), "");
  EXPECT_EQ(decodeHeader("Hello,  world: <a@b>"), "Hello,  world: <a@b>");
  EXPECT_EQ(decodeHeader("  trimmed \t"), "trimmed");
}

TEST(DecodeHeader, UndoesFolding) {
  EXPECT_EQ(decodeHeader("a\r\n b"), "a b");
  EXPECT_EQ(decodeHeader("a \r\n\tb"), "a  b");
  EXPECT_EQ(decodeHeader("a\r\n\r\n b"), "a b");
  EXPECT_EQ(decodeHeader("a\nb\rc"), "a b c");
}

TEST(DecodeHeader, HasNoControlCharacters) {
  EXPECT_EQ(decodeHeader("a\0b\x1b[c\x7f"
                         "d"s),
            "a b [c d");
  EXPECT_EQ(decodeHeader("=?utf-8?Q?a=0D=0AX-Evil:_1=00b?="), "a  X-Evil: 1 b");
}

// The examples of RFC 2047 section 8.
TEST(DecodeHeader, FollowsTheExamplesOfTheRfc) {
  EXPECT_EQ(decodeHeader("=?ISO-8859-1?Q?a?="), "a");
  EXPECT_EQ(decodeHeader("=?ISO-8859-1?Q?a?= b"), "a b");
  EXPECT_EQ(decodeHeader("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?="), "ab");
  EXPECT_EQ(decodeHeader("=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?="), "ab");
  EXPECT_EQ(decodeHeader("=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?="), "ab");
  EXPECT_EQ(decodeHeader("=?ISO-8859-1?Q?a_b?="), "a b");
  EXPECT_EQ(decodeHeader("=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?="), "a b");
  EXPECT_EQ(decodeHeader("=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n"
                         " =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?="),
            "If you can read this you understand the example.");
}

TEST(DecodeHeader, MarksWhatIsInvalid) {
  EXPECT_EQ(decodeHeader("=?utf-8?Q?a=FFb=C3?="), "a\uFFFDb\uFFFD");
  EXPECT_EQ(decodeHeader("=?utf-8?Q?=ED=A0=80?="), "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(decodeHeader("=?windows-1252?Q?a=81b?="), "a\uFFFDb");
  EXPECT_EQ(decodeHeader("=?shift_jis?Q?a=FF=41?="),
            "a\uFFFD"
            "A");
  EXPECT_EQ(decodeHeader("=?utf-16be?B?AEHYAABC?="),
            "A\uFFFD"
            "B");
  EXPECT_EQ(decodeHeader("=?euc-kr?Q?a=B0?="), "a\uFFFD");
}

TEST(DecodeHeader, TakesUnknownBytesAsUtf8ThenWindows1252) {
  EXPECT_EQ(decodeHeader("\xC3\xA9"), "é");
  EXPECT_EQ(decodeHeader("\xE9 \x80"), "é €");
  EXPECT_EQ(decodeHeader("\x81"), "\uFFFD");
  // Each piece of raw text for itself.
  EXPECT_EQ(decodeHeader("\xC3\xA9 =?utf-8?Q?x?= \xE9"), "é x é");
}

// A character must not be taken for windows-1252 only because the limit falls into it.
TEST(DecodeHeader, IsBoundedBetweenCharacters) {
  for (size_t shift = 0; shift < 4; ++shift) {
    std::string text(shift, 'a');
    while (text.size() < 100'000) text += "漢";
    const std::string decoded = decodeHeader(text);
    EXPECT_LT(decoded.size(), 10'000U);
    EXPECT_EQ(decoded, text.substr(0, decoded.size()));
    EXPECT_TRUE(view::isUtf8(decoded));
  }
}

TEST(SenderName, IsTheDisplayNameElseTheAddress) {
  EXPECT_EQ(senderName(""), "");
  EXPECT_EQ(senderName("Alice <alice@example.org>"), "Alice");
  EXPECT_EQ(senderName("\"Example, Alice\" <alice@example.org>"), "Example, Alice");
  EXPECT_EQ(senderName("alice@example.org"), "alice@example.org");
  EXPECT_EQ(senderName("alice@example.org (Alice)"), "Alice");
  EXPECT_EQ(senderName("<alice@example.org>"), "alice@example.org");
  EXPECT_EQ(senderName("A: B <b@example.org>, c@example.org;"), "B");
  EXPECT_EQ(senderName("Nobody:;"), "Nobody");
  EXPECT_EQ(senderName("alice@example.org, bob@example.org"), "alice@example.org");
  EXPECT_EQ(senderName("=?utf-8?Q?J=C3=BCrgen=2C_x?= <j@example.org>"), "Jürgen, x");
}

}  // namespace
}  // namespace emlfs
