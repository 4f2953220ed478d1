// Message names for awkward senders.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/name_checks.h"

namespace emlfs {
namespace {

struct Case {
  std::string what;
  std::string fields;  // the raw value of From, and what follows it
  std::string part;    // of the name, for the sender
};

// clang-format off
const std::vector<Case> kCases = {
    // Senders
    {"address alone", "alice@example.org\r\n", "alice@example.org"},
    {"angle address alone", "<alice@example.org>\r\n", "alice@example.org"},
    {"quoted name", "\"Example, Alice\" <alice@example.org>\r\n", "Example-Alice"},
    {"escapes in quotes", "\"Alice \\\"Al\\\" \\\\ E\" <alice@example.org>\r\n", "Alice-Al-E"},
    {"name in a comment", "alice@example.org (Alice Example)\r\n", "Alice-Example"},
    {"name in a comment after brackets", "<alice@example.org> (Alice (the) \\(first\\))\r\n", "Alice-the-first"},
    {"comments everywhere", "(a) Alice (b) <alice@example.org> (c)\r\n", "Alice"},
    {"group", "Friends: Bob <bob@example.org>, alice@example.org;\r\n", "Bob"},
    {"empty group", "undisclosed-recipients:;\r\n", "undisclosed-recipients"},
    {"list", "Bob <bob@example.org>, Alice <alice@example.org>\r\n", "Bob"},
    {"list with empty elements", " , ,Bob <bob@example.org>\r\n", "Bob"},
    {"list of addresses", "bob@example.org, alice@example.org\r\n", "bob@example.org"},
    {"comma without quotes", "Doe, John <jd@example.org>\r\n", "Doe-John"},
    {"route", "<@relay.example,@b.example:bob@example.org>\r\n", "bob@example.org"},
    {"quoted local part", "<\"bob the builder\"@example.org>\r\n", "bob-the-builder-@example.org"},
    {"domain literal", "bob@[IPv6:2001:db8::1]\r\n", "bob@-IPv6-2001-db8-1"},
    {"encoded name", "=?utf-8?Q?J=C3=BCrgen?= <j@example.org>\r\n", "Jürgen"},
    {"encoded name in quotes", "\"=?utf-8?B?SsO8cmdlbg==?=\" <j@example.org>\r\n", "Jürgen"},
    {"encoded name with a bare comma", "=?utf-8?Q?D=C3=B6e,_J?= <j@example.org>\r\n", "Döe-J"},
    {"encoded comma", "=?utf-8?Q?D=C3=B6e=2C_J?= <j@example.org>\r\n", "Döe-J"},
    {"encoded name split in a character", "=?utf-8?Q?J=C3?=\r\n =?utf-8?Q?=BCrgen?= <j@example.org>\r\n", "Jürgen"},
    {"raw Latin-1 name", "J\374rgen <j@example.org>\r\n", "Jürgen"},
    {"quote never closed", "O\"Brien <ob@example.org>\r\n", "OBrien"},
    {"comment never closed", "Alice (Sales <alice@example.org>\r\n", "Alice-Sales"},
    {"bracket never closed", "Alice <alice@example.org\r\n", "Alice"},
    {"no address", "Alice\r\n", "Alice"},
    {"garbage", "<<>>;,:\"((@\r\n", "unknown"},
    {"invisible name", "\"\342\200\213\" <alice@example.org>\r\n", "alice@example.org"},
    {"name that is punctuation", "\"...\" <alice@example.org>\r\n", "alice@example.org"},
    {"empty From, Sender", "\r\nSender: Bob <bob@example.org>\r\n", "Bob"},
    {"invisible From, Sender", "\"\"\r\nSender: bob@example.org\r\n", "bob@example.org"},
    {"empty brackets", "<>\r\n", "unknown"},
    {"long name", std::string(300, 'A') + " <a@example.org>\r\n", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
    {"newline and path in a name", "\"=?utf-8?Q?a=0A=2E=2E=2Fb?=\" <a@example.org>\r\n", "a-..-b"},
};
// clang-format on

TEST(SenderNames, ForAwkwardSenders) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.what);
    EXPECT_EQ(test::nameOf("From: " + c.fields + "Subject: x\r\n\r\n"),
              "2026-11-20_" + c.part + "_x.4211.eml");
  }
}

}  // namespace
}  // namespace emlfs
