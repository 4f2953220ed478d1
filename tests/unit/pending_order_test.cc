// What waits for a change of a mailbox, and what such a change waits for.
#include <gmock/gmock.h>

#include <algorithm>

#include "emlfs/base/error.h"
#include "unit/pending_fixture.h"

namespace emlfs::sync {
namespace {

using store::Change;
using testing::ElementsAre;
using testing::IsEmpty;
using Kind = Change::Kind;

TEST_F(PendingTest, WaitsForTheMailboxThatIsToBeMade) {
  add({change(Kind::create_mailbox, 0, "", 0, "new"), change(Kind::move, 10, "a", 1, "new"),
       change(Kind::move, 11, "a", 2, "b")});
  EXPECT_EQ(pending_->next().front().kind, Kind::create_mailbox);
  EXPECT_EQ(pending_->next().size(), 1U);
  pending_->drop(pending_->next());
  EXPECT_THAT(next(), ElementsAre(10));
}

// It may wait for ever: until somebody drops a refused one.
TEST_F(PendingTest, AMailboxIsRenamedWhileADeletionInItIsHeld) {
  add({change(Kind::append, 9, "z", 0)});
  pending_->park(pending_->next(), Error(Code::not_found, Scope::mailbox, "gone"));
  Change renamed = change(Kind::rename_mailbox, 0, "", 0, "b");
  renamed.other = "c";
  add({deletion(10, "b", 1), renamed, change(Kind::move, 11, "b", 2, "d")});
  ASSERT_EQ(pending_->next().size(), 1U);
  EXPECT_EQ(pending_->next().front().kind, Kind::rename_mailbox);
  pending_->renamed(pending_->next().front().number, {"b", "c", '/', {}});
  EXPECT_THAT(next(), ElementsAre(11));
  const auto all = pending_->changes();
  const auto held = std::ranges::find(all, MessageId{10}, &Change::id);
  ASSERT_NE(held, all.end());
  EXPECT_EQ(held->source.mailbox, "c");
}

TEST_F(PendingTest, AMailboxIsMadeWhileADeletionAboveItIsHeld) {
  add({change(Kind::append, 9, "z", 0)});
  pending_->park(pending_->next(), Error(Code::not_found, Scope::mailbox, "gone"));
  add({deletion(10, "b", 1), change(Kind::create_mailbox, 0, "", 0, "b/sub")});
  ASSERT_EQ(pending_->next().size(), 1U);
  EXPECT_EQ(pending_->next().front().kind, Kind::create_mailbox);
}

TEST_F(PendingTest, AMailboxIsNotRemovedWhileADeletionInItIsHeld) {
  add({change(Kind::append, 9, "z", 0)});
  pending_->park(pending_->next(), Error(Code::not_found, Scope::mailbox, "gone"));
  add({deletion(10, "b", 1), change(Kind::remove_mailbox, 0, "", 0, "b")});
  EXPECT_THAT(pending_->next(), IsEmpty());
}

TEST_F(PendingTest, WhatFollowsAHeldDeletionHoldsNoRenameEither) {
  add({change(Kind::append, 9, "z", 0)});
  pending_->park(pending_->next(), Error(Code::not_found, Scope::mailbox, "gone"));
  Change shown = change(Kind::flags, 10, "b", 1);
  shown.remove = Flags({"\\Deleted"});
  Change renamed = change(Kind::rename_mailbox, 0, "", 0, "b");
  renamed.other = "c";
  add({deletion(10, "b", 1), shown, renamed});
  ASSERT_EQ(pending_->next().size(), 1U);
  EXPECT_EQ(pending_->next().front().kind, Kind::rename_mailbox);
}

TEST_F(PendingTest, OnlyWhatTheDelimiterSeparatesIsBelow) {
  add({change(Kind::append, 9, "z", 0)});
  pending_->park(pending_->next(), Error(Code::not_found, Scope::mailbox, "gone"));
  add({change(Kind::remove_mailbox, 0, "", 0, "b"), change(Kind::move, 10, "a", 1, "b-2")});
  EXPECT_THAT(pending_->next(), IsEmpty());
  pending_->separatedBy('/');
  EXPECT_THAT(next(), ElementsAre(10));
  pending_->drop(pending_->next());
  add({change(Kind::move, 11, "a", 2, "b/2")});
  EXPECT_THAT(pending_->next(), IsEmpty());
}

}  // namespace
}  // namespace emlfs::sync
