// Message names as a whole: header blocks, dates, patterns, the cut, and what holds for any input.
#include "emlfs/view/names.h"

#include <gtest/gtest.h>
#include <utf8proc.h>

#include <clocale>
#include <cstdlib>
#include <ctime>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "emlfs/base/error.h"
#include "support/name_checks.h"

namespace emlfs {
namespace {

using view::alternativeName;
using view::messageName;
using view::NameFormat;

MessageMeta sample() {
  MessageMeta meta;
  meta.uid = 4211;
  meta.date = {.seconds = 1795170896, .zone_minutes = 330};  // 2026-11-20 10:34:56 UTC
  meta.header.from = "Alice Example <alice@example.org>";
  meta.header.subject = "Re: Quarterly report";
  meta.header.message_id = "<CA+x=1$2@mail.example.org>";
  return meta;
}

std::string named(std::string_view pattern, const MessageMeta& meta = sample()) {
  return messageName(NameFormat(pattern), meta);
}

std::string repeat(std::string_view text, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += text;
  return out;
}

TEST(Names, AreAsTheDesignSays) {
  EXPECT_EQ(messageName(NameFormat(), sample()),
            "2026-11-20_Alice-Example_Re-Quarterly-report.4211.eml");
}

TEST(Names, OfHeaderBlocks) {
  EXPECT_EQ(test::nameOf(""), "2026-11-20_unknown_no-subject.4211.eml");
  EXPECT_EQ(test::nameOf("Subject: x"), "2026-11-20_unknown_x.4211.eml");
  EXPECT_EQ(test::nameOf("From: Alice <a@example.org>\r\nFrom: Eve <e@example.org>\r\n"
                         "Subject: one\r\nSubject: two\r\nDate: x\r\nDate: y\r\n\r\n"),
            "2026-11-20_Alice_one.4211.eml");
  EXPECT_EQ(test::nameOf("Subject:\r\nFrom: Alice <a@example.org>\r\nSubject: two\r\n\r\n"),
            "2026-11-20_Alice_no-subject.4211.eml");
  EXPECT_EQ(test::nameOf("sUBJECT : x\r\nFROM:Alice <a@example.org>\r\n\r\n"),
            "2026-11-20_Alice_x.4211.eml");
  EXPECT_EQ(test::nameOf("From: Alice <a@example.org>\nSubject: x\n y\n\n"),
            "2026-11-20_Alice_x-y.4211.eml");
}

TEST(Names, HoldTheDateInUtc) {
  const auto at = [](int64_t seconds) {
    MessageMeta meta = sample();
    meta.date = {.seconds = seconds, .zone_minutes = 840};
    return named("{date}_{time}", meta);
  };
  EXPECT_EQ(at(0), "1970-01-01_000000.4211.eml");
  EXPECT_EQ(at(-1), "1969-12-31_235959.4211.eml");
  EXPECT_EQ(at(951782400), "2000-02-29_000000.4211.eml");
  EXPECT_EQ(at(1795170896), "2026-11-20_103456.4211.eml");
  EXPECT_EQ(at(4102444799), "2099-12-31_235959.4211.eml");
  EXPECT_EQ(at(253402300799), "9999-12-31_235959.4211.eml");
  EXPECT_EQ(at(253402300800), "9999-12-31_235959.4211.eml");
  EXPECT_EQ(at(std::numeric_limits<int64_t>::max()), "9999-12-31_235959.4211.eml");
  EXPECT_EQ(at(-62167219200), "0000-01-01_000000.4211.eml");
  EXPECT_EQ(at(-62167219201), "0000-01-01_000000.4211.eml");
  EXPECT_EQ(at(std::numeric_limits<int64_t>::min()), "0000-01-01_000000.4211.eml");
}

TEST(NameFormat, FillsInItsPlaceholders) {
  EXPECT_EQ(named(""), named("{date}_{from}_{subject}.{uid}"));
  EXPECT_EQ(named("{uid}"), "4211.eml");
  EXPECT_EQ(named("{uid}.eml"), "4211.eml");
  EXPECT_EQ(named("mail"), "mail.4211.eml");
  EXPECT_EQ(named("{subject}"), "Re-Quarterly-report.4211.eml");
  EXPECT_EQ(named("{subject}.{uid}.eml"), "Re-Quarterly-report.4211.eml");
  EXPECT_EQ(named("{uid}_{from}"), "4211_Alice-Example.4211.eml");
  EXPECT_EQ(named("{date}T{time}"), "2026-11-20T103456.4211.eml");
  EXPECT_EQ(named("{message_id}"), "CA+x-1-2@mail.example.org.4211.eml");
  EXPECT_EQ(named("-.{subject}-_"), "Re-Quarterly-report.4211.eml");
  EXPECT_EQ(named("größe@{from}"), "größe@Alice-Example.4211.eml");
  MessageMeta bare;
  bare.uid = 1;
  EXPECT_EQ(named("{message_id}", bare), "no-message-id.1.eml");
}

TEST(NameFormat, ComposesAcrossItsParts) {
  MessageMeta meta = sample();
  meta.header.from = "\u1112";
  meta.header.subject = "\u1161";
  EXPECT_EQ(named("{from}{subject}", meta), "하.4211.eml");
}

TEST(NameFormat, SaysWhetherHeadersAreNeeded) {
  EXPECT_TRUE(NameFormat().needsHeaders());
  for (const char* pattern : {"{from}", "{subject}_{uid}", "{date}{message_id}"}) {
    EXPECT_TRUE(NameFormat(pattern).needsHeaders()) << pattern;
  }
  for (const char* pattern : {"{uid}", "{date}_{time}.{uid}", "mail"}) {
    EXPECT_FALSE(NameFormat(pattern).needsHeaders()) << pattern;
  }
}

TEST(NameFormat, RefusesWhatItDoesNotKnow) {
  const auto refusal = [](std::string_view pattern) {
    try {
      const NameFormat format(pattern);
    } catch (const Error& error) {
      EXPECT_EQ(error.code, Code::invalid);
      return std::string(error.what());
    }
    ADD_FAILURE() << "accepted: " << pattern;
    return std::string();
  };
  EXPECT_EQ(refusal("{date}_{sender}"),
            "name_format: unknown placeholder '{sender}'; known are {date}, {time}, {from}, "
            "{subject}, {uid}, {message_id}");
  EXPECT_NE(refusal("{subject").find("'{subject'"), std::string::npos);
  EXPECT_NE(refusal("{}").find("'{}'"), std::string::npos);
  for (const char* pattern : {"{date}/{subject}", "a b", "{date}}", "a:b", "\x1b", "\xff", "\u202e",
                              "e\u0301", "*", "~"}) {
    EXPECT_NE(refusal(pattern).find("can't be part of a message name"), std::string::npos);
  }
}

TEST(AlternativeName, KeepsTheUidAndFits) {
  EXPECT_EQ(alternativeName("a_b.4211.eml", 1), "a_b~1.4211.eml");
  EXPECT_EQ(alternativeName("a.b.4211.eml", 12), "a.b~12.4211.eml");
  EXPECT_EQ(alternativeName("4211.eml", 2), "message~2.4211.eml");
  const std::string longest = repeat("é", 122) + "ab.4211.eml";
  ASSERT_EQ(longest.size(), view::kNameMax);
  EXPECT_EQ(alternativeName(longest, 1), repeat("é", 122) + "~1.4211.eml");
  EXPECT_EQ(alternativeName(longest, 100), repeat("é", 121) + "~100.4211.eml");
  for (const char* odd : {"", ".", ".eml", "x", "a.eml"}) {
    EXPECT_NE(alternativeName(odd, 1), alternativeName(odd, 2)) << odd;
  }
}

// What stands before the UID is a prefix of the whole, cut where a person would cut it.
TEST(Cut, KeepsCharactersWhole) {
  for (const std::string cluster :
       {"é", "漢", "😀", "👍🏽", "🇩🇪", "g\u0301\u0316", "한", "नि", "x"}) {
    for (size_t shift = 0; shift < 40; ++shift) {
      const std::string subject = std::string(shift, 'a') + repeat(cluster, 255);
      SCOPED_TRACE(cluster + " after " + std::to_string(shift));
      MessageMeta meta = sample();
      meta.header.subject = subject;
      const std::string name = named("{subject}", meta);
      test::checkMessageName(name, 4211);
      // What one of them becomes: NFC composes and orders.
      meta.header.subject = cluster;
      const std::string alone = named("{subject}", meta);
      const std::string unit = alone.substr(0, alone.find('.'));
      const size_t room = view::kNameMax - std::string(".4211.eml").size();
      const size_t count = (room - shift) / unit.size();
      EXPECT_EQ(name, std::string(shift, 'a') + repeat(unit, count) + ".4211.eml");
    }
  }
}

TEST(Cut, LeavesTheLongestUid) {
  MessageMeta meta = sample();
  meta.uid = 4294967295;
  meta.header.subject = repeat("漢", 200);
  const std::string name = messageName(NameFormat(), meta);
  test::checkMessageName(name, meta.uid);
  EXPECT_EQ(name, "2026-11-20_Alice-Example_" + repeat("漢", 71) + ".4294967295.eml");
}

TEST(Cut, LeavesRoomForTheSubject) {
  MessageMeta meta = sample();
  meta.header.from = repeat("漢字", 100) + " <a@example.org>";
  EXPECT_EQ(messageName(NameFormat(), meta),
            "2026-11-20_" + repeat("漢字", 16) + "_Re-Quarterly-report.4211.eml");
}

TEST(Cut, TakesClustersApartThatAreTooLong) {
  MessageMeta meta = sample();
  meta.header.subject = "👍" + repeat("🏽", 200);
  const std::string name = named("{subject}", meta);
  test::checkMessageName(name, 4211);
  EXPECT_GT(name.size(), view::kNameMax - 4);
}

// Every code point of Unicode on its own, before and behind a letter.
TEST(AnyInput, EveryCodePoint) {
  MessageMeta meta = sample();
  const NameFormat format("{subject}");
  for (utf8proc_int32_t c = 0; c <= 0x10FFFF; ++c) {
    if (!utf8proc_codepoint_valid(c)) continue;
    utf8proc_uint8_t bytes[4];
    const auto length = static_cast<size_t>(utf8proc_encode_char(c, bytes));
    const std::string text(reinterpret_cast<const char*>(bytes), length);
    meta.header.subject = text + "a" + text + text;
    test::checkMessageName(messageName(format, meta), 4211);
    if (testing::Test::HasFailure()) FAIL() << std::hex << "U+" << c;
  }
}

// Seeded, so that a failure comes again.
class RandomHeaders {
 public:
  std::string next() {
    static const std::vector<std::string> kParts = {"=?utf-8?Q?",
                                                    "=?utf-8?B?",
                                                    "=?iso-2022-jp?B?",
                                                    "=?utf-7?Q?",
                                                    "=?utf-16?B?",
                                                    "=?gb2312?q?",
                                                    "=?",
                                                    "?=",
                                                    "=C3",
                                                    "=A4",
                                                    "=00",
                                                    "=0A",
                                                    "GyRC",
                                                    "\x1b$B",
                                                    "+AC8-",
                                                    "w6Q=",
                                                    "\r\n ",
                                                    "\r\n",
                                                    "\n",
                                                    "\t",
                                                    " ",
                                                    "..",
                                                    "/",
                                                    "-",
                                                    "_",
                                                    "\"",
                                                    "\\",
                                                    "(",
                                                    ")",
                                                    "<",
                                                    ">",
                                                    "@",
                                                    ",",
                                                    ";",
                                                    ":",
                                                    "[",
                                                    "]",
                                                    "a",
                                                    "Zoë",
                                                    "\u0301",
                                                    "\u0338",
                                                    "\u202e",
                                                    "\u200d",
                                                    "👩",
                                                    "🇩",
                                                    "🏽",
                                                    "\u1112",
                                                    "\u1161",
                                                    "\u11ab",
                                                    "\u0958",
                                                    "\u0344",
                                                    "\u1fef",
                                                    "\u037e",
                                                    "שלום",
                                                    "漢",
                                                    "\xff",
                                                    "\xe2\x82",
                                                    "\xc0\xaf",
                                                    std::string(1, '\0'),
                                                    "\x7f",
                                                    "\x1b[31m"};
    std::string out;
    const size_t count = pick(40);
    for (size_t i = 0; i < count; ++i) {
      if (pick(4) == 0) {
        out += static_cast<char>(pick(256));
      } else {
        out += kParts[pick(kParts.size())];
      }
    }
    return out;
  }

 private:
  // Not std::uniform_int_distribution, which differs between libraries.
  size_t pick(size_t below) { return random_() % below; }
  std::mt19937 random_{20261120};
};

MessageMeta randomMeta(RandomHeaders& random, unsigned i) {
  MessageMeta meta;
  meta.uid = i;
  meta.date.seconds = static_cast<int64_t>(i) * 7'777'777 - 20'000'000'000;
  meta.header.from = random.next();
  meta.header.sender = random.next();
  meta.header.subject = random.next();
  meta.header.message_id = random.next();
  return meta;
}

TEST(AnyInput, GivesAName) {
  RandomHeaders random;
  const NameFormat all("{message_id}{subject}{from}{time}");
  for (unsigned i = 0; i < 10'000; ++i) {
    const MessageMeta meta = randomMeta(random, i);
    test::checkMessageName(messageName(NameFormat(), meta), meta.uid);
    test::checkMessageName(messageName(all, meta), meta.uid);
    if (testing::Test::HasFailure()) FAIL() << "message " << i;
  }
}

TEST(AnyInput, GivesOneNameInEveryZoneAndLocale) {
  const auto names = [] {
    RandomHeaders random;
    std::string all;
    for (unsigned i = 0; i < 500; ++i) {
      all +=
          messageName(NameFormat("{date}_{time}_{from}_{subject}"), randomMeta(random, i)) + '\n';
    }
    return all;
  };
  const std::string expected = names();
  for (const char* zone : {"Pacific/Kiritimati", "America/St_Johns", ":bad", "XYZ+12"}) {
    for (const char* locale : {"C", "C.UTF-8", "tr_TR.UTF-8", "ja_JP.eucJP", ""}) {
      ASSERT_EQ(setenv("TZ", zone, 1), 0);
      ASSERT_EQ(setenv("LC_ALL", locale, 1), 0);
      tzset();
      std::setlocale(LC_ALL, "");  // fails for one that is not installed: then C stays
      EXPECT_EQ(names(), expected) << zone << ' ' << locale;
    }
  }
  unsetenv("TZ");
  unsetenv("LC_ALL");
  tzset();
  std::setlocale(LC_ALL, "C");
}

// A header of a megabyte costs no more than one of some kilobytes: the rest is not looked at.
TEST(AnyInput, OnlyTheFirstKilobytesCount) {
  for (const std::string unit :
       {"a", " ", "\xff", "\u0316\u0301", "=?utf-8?Q?", "=?a?q?x", "=?utf-8?B?w6Q=?= ", "(", "\"",
        "<", "\"\\", "((a)", "[@", ":", ",", "\u1112", "🏽", "=?iso-2022-jp?Q?=1B$B?=", "\r\n "}) {
    const auto meta = [&](size_t bytes) {
      MessageMeta result = sample();
      result.header.subject = repeat(unit, bytes / unit.size()) + "end";
      result.header.from = "@" + result.header.subject;
      result.header.sender = result.header.subject;
      result.header.message_id = result.header.subject;
      return result;
    };
    const NameFormat format("{from}{subject}{message_id}");
    const std::string name = messageName(format, meta(1'000'000));
    test::checkMessageName(name, 4211);
    EXPECT_EQ(name, messageName(format, meta(16'000))) << unit;
  }
}

TEST(AnyInput, LongSubjectIsCut) {
  EXPECT_EQ(test::nameOf("From: Bob <b@example.org>\r\nSubject: " + std::string(100'000, 'x')),
            "2026-11-20_Bob_" + std::string(231, 'x') + ".4211.eml");
  // As mail programs write it: folded, a word a line.
  std::string folded = "From: Bob <b@example.org>\r\nSubject:";
  for (unsigned i = 0; i < 5'000; ++i) folded += "\r\n =?utf-8?B?w6TDtsO8?=";
  EXPECT_EQ(test::nameOf(folded), "2026-11-20_Bob_" + repeat("äöü", 38) + "ä.4211.eml");
}

}  // namespace
}  // namespace emlfs
