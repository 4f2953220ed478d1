// What untagged responses mean, FETCH apart (etpan_test.cc).
#include "imap/data.h"

#include <gmock/gmock.h>

#include "imap/text.h"

namespace emlfs::imap {
namespace {

using testing::ElementsAre;

Data read(std::string_view wire) {
  Framer framer;
  framer.feed(wire);
  framer.feed("\r\n");
  auto response = framer.next();
  EXPECT_TRUE(response) << wire;
  return response ? understand(std::move(*response)) : Data(OtherData{});
}

template <class T>
T readAs(std::string_view wire) {
  Data data = read(wire);
  EXPECT_TRUE(std::holds_alternative<T>(data)) << wire << " index " << data.index();
  return std::holds_alternative<T>(data) ? std::get<T>(std::move(data)) : T{};
}

TEST(StatusLine, Codes) {
  auto line = readAs<StatusLine>("* OK [UIDVALIDITY 3857529045] UIDs valid");
  EXPECT_EQ(line.status, Status::ok);
  EXPECT_EQ(line.code, "UIDVALIDITY");
  EXPECT_EQ(line.arguments, "3857529045");
  EXPECT_EQ(line.text, "UIDs valid");
  line = readAs<StatusLine>("* bye Session expired {5}");
  EXPECT_EQ(line.status, Status::bye);
  EXPECT_EQ(line.text, "Session expired {5}");
  line = readAs<StatusLine>("* NO [unclosed");
  EXPECT_EQ(line.code, "");
  EXPECT_EQ(line.text, "[unclosed");
  EXPECT_EQ(readAs<StatusLine>("* OK").text, "");
  EXPECT_EQ(readAs<StatusLine>("* OK [NOMODSEQ]").code, "NOMODSEQ");
}

TEST(StatusLine, WhatCrashesLibetpan) {
  EXPECT_EQ(readAs<StatusLine>("* OK [BADCHARSET (\"x\")] hi").code, "BADCHARSET");
  EXPECT_EQ(readAs<StatusLine>("* OK [PERMANENTFLAGS (%)] hi").code, "PERMANENTFLAGS");
}

TEST(Text, PrintableIsUtf8WithoutControls) {
  EXPECT_EQ(printable("a\x1b[31m\tb\x7f"), "a?[31m?b?");
  EXPECT_EQ(printable("Grüße"), "Grüße");
  EXPECT_EQ(printable("\xff\xc3(\xc0\x80\xed\xa0\x80\xc2\x9b"),
            "?"
            "?(???????");
  EXPECT_EQ(printable("\xf0\x9f\x98\x80\xf0\x9f"), "\xf0\x9f\x98\x80??");
  EXPECT_LE(printable(std::string(10'000, 'x')).size(), 500U);
}

TEST(Data, Capability) {
  EXPECT_THAT(readAs<CapabilityData>("* CAPABILITY IMAP4rev1  auth=plain ").names,
              ElementsAre("AUTH=PLAIN", "IMAP4REV1"));
  EXPECT_THAT(readAs<CapabilityData>("* CAPABILITY").names, ElementsAre());
}

TEST(Data, List) {
  auto entry = readAs<ListEntry>("* LIST (\\HasNoChildren \\sent) \"/\" \"Sent \\\"Items\\\"\"");
  EXPECT_EQ(entry.wire, "Sent \"Items\"");
  EXPECT_EQ(entry.delimiter, '/');
  EXPECT_TRUE(entry.selectable);
  EXPECT_EQ(entry.special_use, "\\Sent");
  entry = readAs<ListEntry>("* LIST (\\Noselect \\Marked) NIL {4}\r\na\r\nb");
  EXPECT_EQ(entry.wire, "a\r\nb");
  EXPECT_EQ(entry.delimiter, '\0');
  EXPECT_FALSE(entry.selectable);
  EXPECT_EQ(readAs<ListEntry>("* LIST () \"\\\\\" a\\b").delimiter, '\\');
  EXPECT_EQ(readAs<ListEntry>("* LIST () \".\" \"a\"b\"").wire, "a\"b");
  EXPECT_EQ(readAs<ListEntry>("* LIST () \".\" NIL").wire, "NIL");
  EXPECT_EQ(
      readAs<ListEntry>("* LIST (\\NonExistent) \".\" x (\"CHILDINFO\" (\"SUBSCRIBED\"))").wire,
      "x");
  EXPECT_EQ(readAs<UnreadableData>("* LIST () \"//\" x").kind, "LIST");
  EXPECT_EQ(readAs<UnreadableData>("* LIST (").kind, "LIST");
  EXPECT_EQ(readAs<UnreadableData>("* LIST () \".\" \"x").kind, "LIST");
}

TEST(Data, Status) {
  auto data = readAs<StatusData>(
      "* STATUS \"a b\" (MESSAGES 231 UIDNEXT 44292 X-NEW (1 (2)) SIZE 9999999999 UIDVALIDITY 7 "
      "HIGHESTMODSEQ 7011231777)");
  EXPECT_EQ(data.wire, "a b");
  EXPECT_EQ(data.status, (MailboxStatus{231, 44292, 7, 7011231777}));
  data = readAs<StatusData>("* STATUS {3}\r\na{1 (UIDNEXT 4294967296 HIGHESTMODSEQ -1)");
  EXPECT_EQ(data.wire, "a{1");
  EXPECT_EQ(data.status, MailboxStatus{});
  EXPECT_EQ(readAs<StatusData>("* STATUS Sent Mail (MESSAGES 1)").wire, "Sent Mail");
  EXPECT_EQ(readAs<StatusData>("* STATUS x ()").wire, "x");
  readAs<UnreadableData>("* STATUS x");
  readAs<UnreadableData>("* STATUS (MESSAGES 1)");
  readAs<UnreadableData>("* STATUS x (MESSAGES");
}

TEST(Data, Search) {
  EXPECT_EQ(readAs<SearchData>("* SEARCH 2 84 3 (MODSEQ 9) ").uids.text(), "2:3,84");
  EXPECT_EQ(readAs<SearchData>("* SEARCH").uids.text(), "");
  const auto data = readAs<SearchData>("* ESEARCH (TAG \"A9\") UID COUNT 3 ALL 4:18,21");
  EXPECT_EQ(data.tag, "A9");
  EXPECT_EQ(data.uids.text(), "4:18,21");
  EXPECT_EQ(readAs<SearchData>("* ESEARCH (TAG \"A9\") UID").uids.text(), "");
  readAs<UnreadableData>("* ESEARCH (TAG \"A9\") ALL 4");  // message numbers
  readAs<UnreadableData>("* ESEARCH UID ALL x");
  readAs<UnreadableData>("* SEARCH 1 x");
}

TEST(Data, Vanished) {
  auto data = readAs<VanishedData>("* VANISHED (EARLIER) 300:310,405");
  EXPECT_TRUE(data.earlier);
  EXPECT_EQ(data.uids.text(), "300:310,405");
  EXPECT_FALSE(readAs<VanishedData>("* VANISHED 5").earlier);
  readAs<UnreadableData>("* VANISHED (EARLIER)");
}

TEST(Data, Namespace) {
  const auto data = readAs<NamespaceData>(
      "* NAMESPACE ((\"INBOX.\" \".\" \"X-PARAM\" (\"a\" \"b\"))) NIL ((\"#shared/\" \"/\")"
      "(\"#public\" NIL))");
  ASSERT_EQ(data.namespaces.size(), 3U);
  EXPECT_EQ(data.namespaces[0].prefix, "INBOX.");
  EXPECT_EQ(data.namespaces[0].delimiter, '.');
  EXPECT_EQ(data.namespaces[1].kind, Namespace::Kind::shared);
  EXPECT_EQ(data.namespaces[2].delimiter, '\0');
  std::string many = "* NAMESPACE (";
  for (int i = 0; i < 5000; ++i) many += "(\"x\" \"/\")";
  EXPECT_EQ(readAs<UnreadableData>(many + ") NIL NIL").kind, "NAMESPACE");
  readAs<UnreadableData>("* NAMESPACE ((\"\" \"/\"");
}

TEST(Data, NumbersAndStrangers) {
  EXPECT_EQ(readAs<ExistsData>("* 4294967295 EXISTS").messages, 4294967295U);
  readAs<ExpungeData>("* 3 EXPUNGE");
  readAs<UnreadableData>("* 4294967296 EXISTS");
  readAs<OtherData>("* 3 RECENT");
  readAs<OtherData>("* FLAGS (%)");
  readAs<OtherData>("* XYZZY ((({");
  readAs<OtherData>("* ");
  EXPECT_THAT(readAs<EnabledData>("* ENABLED QRESYNC").names, ElementsAre("QRESYNC"));
}

}  // namespace
}  // namespace emlfs::imap
