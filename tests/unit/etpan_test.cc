// FETCH responses, through the sieve and libetpan.
#include "imap/etpan.h"

#include <gmock/gmock.h>

#include "imap/etpan_prototypes.h"

namespace emlfs::imap {
namespace {

using testing::ElementsAre;

std::optional<FetchData> read(std::string_view wire) {
  Framer framer;
  framer.setWindow({0, 1000});
  framer.feed(wire);
  framer.feed("\r\n");
  auto response = framer.next();
  EXPECT_TRUE(response) << wire;
  return response ? parseFetch(*response) : std::nullopt;
}

FetchData readable(std::string_view wire) {
  auto data = read(wire);
  EXPECT_TRUE(data) << wire;
  return data.value_or(FetchData{});
}

// The header that we declare ourselves still fits the library.
TEST(Etpan, HasTheParser) {
  EXPECT_NE(&mailimap_response_data_parse, nullptr);
}

TEST(Etpan, Everything) {
  const auto data = readable(
      "* 12 FETCH (UID 4711 FLAGS (\\Seen $Work \\Recent \\Answered [x]) INTERNALDATE "
      "\" 7-Jul-1996 02:44:25 -0730\" RFC822.SIZE 5000000000 MODSEQ (9007199254740993) "
      "BODY[HEADER.FIELDS (DATE FROM)] {8}\r\nFrom: a\n)");
  EXPECT_EQ(data.uid, 4711U);
  EXPECT_THAT(data.flags->names(), ElementsAre("$Work", "[x]", "\\Answered", "\\Seen"));
  EXPECT_EQ(data.date->zone_minutes, -450);
  EXPECT_EQ(text(*data.date), " 7-Jul-1996 02:44:25 -0730");
  EXPECT_EQ(data.size, 5000000000U);
  EXPECT_EQ(data.modseq, 9007199254740993U);
  EXPECT_EQ(data.header, "From: a\n");
  EXPECT_FALSE(data.body);
}

TEST(Etpan, Dates) {
  const auto seconds = [](const char* date) {
    const auto data = readable("* 1 FETCH (UID 1 INTERNALDATE \"" + std::string(date) + "\")");
    return data.date ? std::optional(data.date->seconds) : std::nullopt;
  };
  EXPECT_EQ(seconds("01-Jan-1970 00:00:00 +0000"), 0);
  EXPECT_EQ(seconds(" 1-jan-1970 01:30:00 +0130"), 0);
  EXPECT_EQ(seconds("17-Jul-2026 10:00:00 +0200"), 1784275200);
  EXPECT_EQ(seconds("17-Xul-2026 10:00:00 +0200"), std::nullopt);
  EXPECT_EQ(seconds("41-Jul-2026 10:00:00 +0200"), std::nullopt);
  EXPECT_EQ(seconds("17-Jul-2026 25:00:00 +0200"), std::nullopt);
  EXPECT_EQ(seconds("yesterday"), std::nullopt);
  EXPECT_EQ(seconds(""), std::nullopt);
}

TEST(Etpan, BodyPieces) {
  auto data = readable("* 1 FETCH (UID 3 BODY[]<4294967296> {3}\r\nabc)");
  EXPECT_EQ(data.body->origin, uint64_t{1} << 32);
  EXPECT_EQ(data.body->bytes, "abc");
  data = readable("* 1 FETCH (UID 3 BODY[] \"a\\\"\x01z\" FLAGS ())");
  EXPECT_FALSE(data.body->origin);
  EXPECT_EQ(data.body->bytes, "a\"\x01z");
  EXPECT_EQ(data.body->length, 4U);
  EXPECT_FALSE(data.body->windowed);
  EXPECT_TRUE(readable("* 1 FETCH (UID 3 BODY[] NIL)").body->nil);
  EXPECT_TRUE(readable("* 1 FETCH (body[]<0> nil uid 3)").body->nil);
}

TEST(Etpan, StrangeValues) {
  EXPECT_EQ(readable("* 1 FETCH (FLAGS ())").uid, 0U);
  EXPECT_EQ(readable("* 1 FETCH (UID 0 MODSEQ (0))").uid, 0U);
  EXPECT_EQ(readable("* 1 FETCH (UID 1 MODSEQ (-1))").modseq, 0U);
  EXPECT_EQ(readable("* 1 FETCH (UID 1 MODSEQ 5)").modseq, 0U);
  EXPECT_FALSE(readable("* 1 FETCH (UID 1 RFC822.SIZE -5)").size);
  EXPECT_EQ(readable("* 1 FETCH ()").uid, 0U);
  EXPECT_EQ(readable("* 1 FETCH (UID 4294967295)").uid, 4294967295U);
  EXPECT_EQ(readable("* 0 FETCH (UID 5)").uid, 5U);
}

TEST(Etpan, ItemsOfNoInterestDoNoHarm) {
  const auto data = readable(
      "* 1 FETCH (X-GM-LABELS (\"\\\\Inbox\" {3}\r\na)b \"x)\") ENVELOPE (\"unfinished (\" NIL "
      "((%))) "
      "SAVEDATE NIL BODYSTRUCTURE (\"a\" (\"b\" NIL)) EMAILID (M1) BODY[TEXT]<3> {2}\r\n)) UID 8)");
  EXPECT_EQ(data.uid, 8U);
  EXPECT_FALSE(data.body);
}

TEST(Etpan, StrangeFlags) {
  EXPECT_THAT(readable("* 1 FETCH (FLAGS (\\Seen \\SeenX \\* % a*b \\Ext $a]b \"q\" (x) \\seen))")
                  .flags->names(),
              testing::IsSupersetOf({"$a]b", "\\Ext", "\\Seen"}));
}

TEST(Etpan, Unreadable) {
  for (const char* wire : {"* 1 FETCH", "* 1 FETCH (", "* 1 FETCH (UID)", "* 1 FETCH (UID x)",
                           "* 1 FETCH (UID 1", "* 1 FETCH (UID 99999999999)", "* 1 FETCH (FLAGS)",
                           "* 1 FETCH (FLAGS (\\Seen)", "* 1 FETCH (BODY[] \"unfinished)",
                           "* 1 FETCH (BODY[])", "* 1 FETCH UID 5", "* 1 FETCH (BODY[]<0> abc)"}) {
    EXPECT_FALSE(read(wire)) << wire;
  }
}

}  // namespace
}  // namespace emlfs::imap
