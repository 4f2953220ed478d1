// Which mailboxes the option `mailboxes` shows.
#include "emlfs/view/mailbox_patterns.h"

#include <gtest/gtest.h>

#include <vector>

namespace emlfs::view {
namespace {

struct Case {
  std::vector<std::string> patterns;
  std::string path;
  bool shown;
};

const Case kCases[] = {
    {{}, "Lists/lkml", true},
    {{"*"}, "Lists/lkml", true},
    {{"%"}, "Lists", true},
    {{"%"}, "Lists/lkml", false},
    {{"Lists/%"}, "Lists/lkml", true},
    {{"Lists/%"}, "Lists/lkml/2026", false},
    {{"Lists/*"}, "Lists/lkml/2026", true},
    {{"Lists/*"}, "Lists", false},
    {{"Lists*"}, "Lists", true},
    {{"Lists*"}, "ListsOld", true},
    {{"%/2026"}, "Work/2026", true},
    {{"%/2026"}, "Work/a/2026", false},
    {{"*a*b*"}, "xxaxxbxx", true},
    {{"*a*b*"}, "xxbxxaxx", false},
    {{"**"}, "a/b", true},
    {{"*%*"}, "a/b", true},
    {{"Entwürfe"}, "Entwürfe", true},
    {{"entwürfe"}, "Entwürfe", false},
    {{"a?b", "[ab]"}, "a", false},
    // The first one says what becomes of the others.
    // A name alone is a tree.
    {{"Work"}, "Work/a/b", true},
    {{"Work"}, "Workshop", false},
    {{"!Archive"}, "Archive/2018", false},
    {{"Work", "!Work/*"}, "Work/a", false},
    {{"/Junk/"}, "Junk", true},
    {{"*", "!Junk/"}, "Junk", false},
    {{"!Trash"}, "Work", true},
    {{"!Trash"}, "Trash", false},
    {{"Work"}, "Trash", false},
    // The last that fits decides.
    {{"*", "!Lists*", "Lists/lkml"}, "Lists/lkml", true},
    {{"*", "!Lists*", "Lists/lkml"}, "Lists/other", false},
    {{"*", "Lists/lkml", "!Lists*"}, "Lists/lkml", false},
    {{"!*", "INBOX"}, "Work", false},
    {{"!Work", "Work"}, "Work", true},
    // INBOX in any case, and nothing else.
    {{"inbox"}, "INBOX", true},
    {{"Inbox/*"}, "INBOX/a", true},
    {{"Inbox/A"}, "INBOX/a", false},
    {{"in%"}, "INBOX", true},
    {{"!inbox"}, "INBOX", false},
    {{"inboxes"}, "INBOXES", false},
    {{"work/inbox"}, "work/INBOX", false},
    {{""}, "INBOX", false},
};

TEST(MailboxPatterns, TheLastThatFitsDecides) {
  for (const auto& [patterns, path, shown] : kCases)
    EXPECT_EQ(isShown(patterns, path), shown) << path << " by " << testing::PrintToString(patterns);
}

// A pattern must not keep the daemon busy for ever.
TEST(MailboxPatterns, ManyStarsTakeNoLonger) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "*a";
  EXPECT_FALSE(isShown(std::vector{pattern + "b"}, std::string(2'000, 'a')));
  EXPECT_TRUE(isShown(std::vector{pattern}, std::string(2'000, 'a')));
}

}  // namespace
}  // namespace emlfs::view
