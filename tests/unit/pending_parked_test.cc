// What the server refused, and what a person does about it.
#include <gmock/gmock.h>

#include "emlfs/base/error.h"
#include "unit/pending_fixture.h"

namespace emlfs::sync {
namespace {

using store::Change;
using testing::ElementsAre;
using testing::IsEmpty;
using Kind = Change::Kind;

// Another client has taken it, or a person has written on it.
TEST_F(PendingTest, WhatIsRefusedIsParkedAsItIsNow) {
  add({change(Kind::move, 10, "a", 1, "b"), append(11, "b")});
  const auto sent = pending_->changes();
  pending_->vanished(MessageId{10});
  pending_->amend(MessageId{11}, [](Change append) {
    append.size = 0;
    return store::Batch{.update = {append}};
  });
  const auto parked = pending_->park(sent, Error(Code::denied, Scope::mailbox, "no"));
  ASSERT_EQ(parked.size(), 1U);
  EXPECT_EQ(parked.front().size, 0U);
  EXPECT_EQ(pending_->size(), 1U);
}

TEST_F(PendingTest, ARetriedAppendWhoseAnswerWasLostIsLookedFor) {
  add({append(10, "b")});
  pending_->begin(pending_->next(), {8, 40, 0});
  pending_->end("b");
  pending_->park(pending_->changes(), Error(Code::protocol, Scope::mailbox, "unreadable"));
  pending_->retry(pending_->parkedWith({pending_->changes().front().number}));
  EXPECT_TRUE(pending_->next().front().recovered);
}

// Above the UIDs that were there before.
TEST_F(PendingTest, ARetriedMoveWhoseAnswerWasLostIsLookedForWhereItWasSent) {
  add({change(Kind::move, 10, "a", 1, "b")});
  pending_->begin(pending_->next(), {8, 40, 0});
  pending_->end("b");
  pending_->park(pending_->changes(), Error(Code::protocol, Scope::mailbox, "unreadable"));
  pending_->retry(pending_->parkedWith({pending_->changes().front().number}));
  EXPECT_TRUE(pending_->next().front().recovered);
  EXPECT_EQ(pending_->next().front().destination.uid_next, 40U);
}

TEST_F(PendingTest, ARefusedMoveIsRetriedInItsPlace) {
  add({change(Kind::move, 10, "a", 1, "b"), deletion(10, "b", 0), deletion(11, "a", 2)});
  pending_->park(pending_->next(), Error(Code::denied, Scope::mailbox, "no", "NO [NOPERM]"));
  // What was to follow it is about the old place now.
  EXPECT_THAT(next(), ElementsAre(10, 11));
  EXPECT_FALSE(pending_->outlook(MessageId{10})->directory);
  const auto refused = pending_->changes().front();
  EXPECT_EQ(refused.server, "NO [NOPERM]");

  pending_->retry(pending_->parkedWith({refused.number}));
  EXPECT_EQ(pending_->parked(), 0U);
  EXPECT_EQ(pending_->outlook(MessageId{10})->directory, "b");
  EXPECT_EQ(pending_->next().front().kind, Kind::move);
  EXPECT_EQ(pending_->next().front().server, "");
  reopen();
  EXPECT_EQ(pending_->next().front().number, refused.number);
  arrive(50);
  EXPECT_THAT(next(), ElementsAre(10));
  EXPECT_EQ(pending_->next().front().source.uid, 50U);
}

TEST_F(PendingTest, AMoveToTheTrashWaitsForEarlierAppends) {
  Change to_trash = change(Kind::move, 11, "a", 1, "Trash");
  to_trash.deletion = true;
  add({append(10, "b"), to_trash, change(Kind::move, 12, "a", 2, "c")});
  EXPECT_EQ(heldDeletions(pending_->changes()), 1U);
  EXPECT_THAT(next(), ElementsAre(10));
  arrive(50);
  EXPECT_THAT(next(), ElementsAre(11));
  reopen();
  EXPECT_THAT(next(), ElementsAre(11));
  arrive(50);
  EXPECT_THAT(next(), ElementsAre(12));
}

TEST_F(PendingTest, ADroppedAppendLetsDeletionsGo) {
  add({append(10, "b"), deletion(11, "a", 1), change(Kind::move, 12, "a", 2, "b")});
  EXPECT_EQ(heldDeletions(pending_->changes()), 1U);
  const auto sent = pending_->next();
  pending_->park(sent, Error(Code::quota, Scope::mailbox, "full", "NO [OVERQUOTA]"));
  EXPECT_EQ(heldDeletions(pending_->changes()), 1U);
  pending_->forgetParked(pending_->parkedWith({sent.front().number}));
  EXPECT_EQ(heldDeletions(pending_->changes()), 0U);
  EXPECT_THAT(next(), ElementsAre(11));
  reopen();
  EXPECT_EQ(pending_->size(), 2U);
}

TEST_F(PendingTest, ARetriedAppendStillHoldsLaterDeletions) {
  add({append(10, "b"), deletion(11, "a", 1)});
  const auto sent = pending_->next();
  pending_->park(sent, Error(Code::quota, Scope::mailbox, "full", "NO [OVERQUOTA]"));
  pending_->retry(pending_->parkedWith({sent.front().number}));
  EXPECT_THAT(next(), ElementsAre(10));
  arrive(50);
  EXPECT_THAT(next(), ElementsAre(11));
}

TEST_F(PendingTest, WithARefusedAppendGoesWhatIsOfNoUseWithoutIt) {
  const Change new_message = append(10, "b");
  Change replaced = deletion(9, "b", 4);
  replaced.spool = new_message.spool;
  Change flags = change(Kind::flags, 10, "b", 0);
  flags.add = Flags({"\\Seen"});
  add({new_message, replaced, flags, change(Kind::move, 12, "a", 2, "b")});
  const auto all = pending_->changes();
  pending_->park({all[0], all[1], all[2], all[3]}, Error(Code::quota, Scope::mailbox, "full"));
  EXPECT_EQ(pending_->parkedWith({all[0].number}).size(), 3U);
  EXPECT_EQ(pending_->parkedWith({all[3].number}).size(), 1U);
}

TEST_F(PendingTest, OnlyWhatWasRefusedCanBeRetried) {
  add({change(Kind::move, 10, "a", 1, "b")});
  const auto code = [&](uint64_t number) {
    try {
      pending_->parkedWith({number});
    } catch (const Error& error) {
      return error.code;
    }
    return Code::refused;
  };
  EXPECT_EQ(code(pending_->changes().front().number), Code::busy);
  EXPECT_EQ(code(4711), Code::not_found);
}

TEST_F(PendingTest, TheNameGoesWithTheLastChangeThatIsDropped) {
  pending_->add({.add = {change(Kind::move, 10, "a", 1, "b")},
                 .put_names = {{{{}, 0, 0, MessageId{10}}, "b", "x.eml"}}});
  pending_->park(pending_->next(), Error(Code::denied, Scope::mailbox, "no"));
  add({deletion(10, "a", 1)});
  const auto refused = pending_->changes().front().number;
  pending_->forgetParked(pending_->parkedWith({refused}));
  EXPECT_EQ(pending_->nameOf({{}, 0, 0, MessageId{10}}), "x.eml");
  pending_->park(pending_->next(), Error(Code::denied, Scope::mailbox, "no"));
  pending_->forgetParked(pending_->parkedWith({pending_->changes().front().number}));
  EXPECT_FALSE(pending_->nameOf({{}, 0, 0, MessageId{10}}));
  EXPECT_EQ(pending_->size(), 0U);
}

// Where it was put back it is shown by that name, also when the cache was deleted.
TEST_F(PendingTest, TheNameStaysThatOfAMessageThatIsStillThere) {
  pending_->add({.add = {change(Kind::move, 10, "a", 1, "b"), append(11, "b")},
                 .put_names = {{{{}, 0, 0, MessageId{10}}, "b", "x.eml"},
                               {{{}, 0, 0, MessageId{11}}, "b", "y.eml"}}});
  pending_->park(pending_->changes(), Error(Code::denied, Scope::mailbox, "no"));
  const auto changes = pending_->changes();
  pending_->forgetParked(pending_->parkedWith({changes[0].number, changes[1].number}));
  EXPECT_EQ(pending_->nameOf({"a", 7, 1, {}}), "x.eml");
  EXPECT_FALSE(pending_->nameOf({{}, 0, 0, MessageId{11}}));
  size_t names = 0;
  pending_->eachName([&](const store::GivenName&) { return ++names > 0; });
  EXPECT_EQ(names, 1U);
}

}  // namespace
}  // namespace emlfs::sync
