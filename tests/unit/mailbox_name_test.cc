// Levels of mailbox names as file names, and back.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <string_view>

#include "emlfs/base/error.h"
#include "emlfs/view/names.h"
#include "view/text.h"

namespace emlfs {
namespace {

using namespace std::string_literals;
using view::mailboxFileName;
using view::mailboxLevel;

struct Case {
  std::string level;
  bool utf8;
  std::string file_name;
};

const Case kCases[] = {
    {"INBOX", false, "INBOX"},
    {"Sent Items", false, "Sent Items"},
    {"Entw&APw-rfe", false, "Entwürfe"},
    {"Entw&APw-rfe", true, "Entw&APw-rfe"},
    {"Entwürfe", true, "Entwürfe"},
    {"R&-D", false, "R&D"},
    {"R&D", true, "R&D"},
    {"a/b", false, "a%2Fb"},
    {"../../x", false, "..%2F..%2Fx"},
    {".", false, "%2E"},
    {"..", true, "%2E%2E"},
    {"...", false, "..."},
    {".hidden", false, ".hidden"},
    {"50%", false, "50%"},
    {"50%2", false, "50%2"},
    {"50%2f", false, "50%252f"},
    {"%%41", true, "%%2541"},
    {"%", false, "%25"},
    {"a\0b"s, true, "a%00b"},
    {"a\r\nb", true, "a%0D%0Ab"},
    {"a&AA0ACg-b", false, "a%0D%0Ab"},
    {"a&AIU-b", false, "a%C2%85b"},
    {"\x7f", true, "%7F"},
    {"\x1b[31m", true, "%1B[31m"},
    // What doesn't decode.
    {"Foo&bar", false, "Foo%26bar"},
    {"&AEE-", false, "%26AEE-"},
    {"Entw\xfcrfe", true, "Entw%FCrfe"},
    {"Entw\xfcrfe", false, "Entw%FCrfe"},
    {"Entwürfe", false, "Entw%C3%BCrfe"},
    {"\xed\xa0\x80", true, "%ED%A0%80"},
    // Would else be called as "a&AAE-b" and "&AIU-" are.
    {"a\x01"
     "b",
     false, "%3Fa%01b"},
    {"\xc2\x85", false, "%3F%C2%85"},
};

TEST(MailboxName, KnownPairs) {
  for (const Case& c : kCases) {
    EXPECT_EQ(mailboxFileName(c.level, c.utf8), c.file_name);
    EXPECT_EQ(mailboxLevel(c.file_name, c.utf8), c.level) << c.file_name;
  }
}

TEST(MailboxName, OfAnEmptyLevel) {
  EXPECT_EQ(mailboxFileName("", false), "%");
  EXPECT_EQ(mailboxFileName("", true), "%");
}

TEST(MailboxName, RefusesWhatCannotBeALevel) {
  const std::string refused[] = {
      "",         "%",     ".",   "..",    "a/b",   "a\0b"s, "a\nb", "\x7f",
      "\xc2\x85", "a\xff", "%41", "a%2fb", "50%25", "%2Ex",  "%3Fa", std::string(256, 'x')};
  for (const std::string& name : refused) {
    for (const bool utf8 : {false, true}) {
      try {
        mailboxLevel(name, utf8);
        ADD_FAILURE() << "accepted: " << name;
      } catch (const Error& error) {
        EXPECT_EQ(error.code, Code::invalid);
        EXPECT_EQ(error.scope, Scope::mailbox);
      }
    }
  }
}

void checkFileName(const std::string& name) {
  ASSERT_FALSE(name.empty());
  ASSERT_LE(name.size(), view::kNameMax);
  ASSERT_NE(name, ".");
  ASSERT_NE(name, "..");
  ASSERT_TRUE(view::isUtf8(name)) << name;
  for (std::string_view rest = name; !rest.empty();) {
    const char32_t c = view::takeCodePoint(rest).value();
    ASSERT_TRUE(c >= 0x20 && c != '/' && (c < 0x7F || c >= 0xA0)) << name;
  }
}

TEST(MailboxName, TooLongIsCutAndHashed) {
  for (size_t shift = 0; shift < 6; ++shift) {
    for (const std::string unit : {"x", "é", "漢", "\x01", "/", "\xff", "😀"}) {
      std::string level(shift, 'a');
      while (level.size() < 10'000) level += unit;
      for (const std::string& other : {level + "1", level + "2"}) {
        const std::string name = mailboxFileName(other, true);
        checkFileName(name);
        EXPECT_GE(name.size(), view::kNameMax - 3);
        EXPECT_EQ(name[name.size() - 17], '~');
        const size_t tail = name.size() - 17;
        // Nothing half: neither a character nor an escape.
        if (const size_t percent = name.rfind('%', tail); percent != name.npos) {
          EXPECT_LE(percent + 3, tail) << name;
        }
      }
      EXPECT_NE(mailboxFileName(level + "1", true), mailboxFileName(level + "2", true));
    }
  }
  EXPECT_EQ(mailboxFileName(std::string(255, 'x'), false), std::string(255, 'x'));
  // Written down: the same on every machine, and whether or not the server speaks UTF-8.
  EXPECT_EQ(mailboxFileName(std::string(256, 'x'), false),
            std::string(238, 'x') + "~d1d05738849baec9");
  EXPECT_EQ(mailboxFileName(std::string(256, 'x'), true),
            mailboxFileName(std::string(256, 'x'), false));
}

// Random levels, of parts that meet in awkward ways.
std::string randomLevel(std::mt19937& random) {
  static const std::string kParts[] = {
      "%",     "2", "5",   "F",    "3",     "f",        "&",    "-",   "&-",
      "&APw-", "/", ".",   "\x01", "&AAE-", "&AIU-",    "\x7f", "a",   "\xc2\x85",
      "\xff",  "é", "%25", "%3F",  "%26",   "&2D3eAA-", "😀",   "\0"s, "~",
  };
  std::string level;
  for (size_t n = 1 + random() % 6; n > 0; --n) {
    level += random() % 8 == 0 ? std::string(1, static_cast<char>(random() % 256))
                               : kParts[random() % std::size(kParts)];
  }
  return level;
}

TEST(MailboxName, IsOneToOne) {
  for (const bool utf8 : {false, true}) {
    std::mt19937 random(3501);
    std::map<std::string, std::string> levels;
    for (unsigned i = 0; i < 100'000; ++i) {
      const std::string level = randomLevel(random);
      const std::string name = mailboxFileName(level, utf8);
      checkFileName(name);
      ASSERT_EQ(mailboxLevel(name, utf8), level) << name;
      const auto [known, fresh] = levels.try_emplace(name, level);
      ASSERT_EQ(known->second, level) << "two levels are called " << name;
    }
  }
}

// A name that is accepted for a new mailbox is the name that the mailbox then has.
TEST(MailboxName, ComesBackAsItWasMade) {
  std::mt19937 random(9051);
  unsigned accepted = 0;
  for (unsigned i = 0; i < 20'000; ++i) {
    const std::string name = randomLevel(random);
    for (const bool utf8 : {false, true}) {
      try {
        const std::string level = mailboxLevel(name, utf8);
        ++accepted;
        ASSERT_EQ(mailboxFileName(level, utf8), name);
      } catch (const Error& error) {
        ASSERT_EQ(error.code, Code::invalid);
      }
    }
  }
  EXPECT_GT(accepted, 2'000U);
}

}  // namespace
}  // namespace emlfs
