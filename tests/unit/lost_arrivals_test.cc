// Messages that the server has taken and of which it has told no UID: each is settled some time.
#include <gtest/gtest.h>

#include "emlfs/sync/replay.h"
#include "support/model_session.h"
#include "unit/replay_fixture.h"

namespace emlfs {
namespace {

class LostArrivals : public ReplayUnit {
 protected:
  void SetUp() override {
    list({"INBOX", "X"});
    sent(store::Change::Kind::move, 10);
  }

  void sent(store::Change::Kind kind, uint64_t id) {
    store::Change change;
    change.kind = kind;
    change.id = MessageId{id};
    change.source = {"X", 1, 0, "<1@example.org>", 100};
    change.mailbox = "X";
    change.size = 100;
    change.state = store::Change::State::copied;
    pending_.add({.add = {change}});
  }

  void list(const std::vector<std::string>& wires) {
    session_.listing.clear();
    for (const auto& wire : wires) {
      ListEntry entry;
      entry.wire = wire;
      entry.delimiter = '/';
      session_.listing.push_back(entry);
    }
    sync::refreshTree(session_, session_.namespaces(), store(), doubts_, ignore_);
  }
  MailboxId x() { return MailboxId{cache_->snapshot()->find(kRoot, "X")->node}; }

  test::ModelMailbox model_;
  test::ModelSession session_{model_, {}};
  sync::Doubts doubts_;
};

// A crash came after its record was removed.
TEST_F(LostArrivals, OneWithoutARecordIsForgottenByALook) {
  sync::syncMailbox(session_, store(), x(), ignore_);
  EXPECT_EQ(pending_.size(), 0U);
}

TEST_F(LostArrivals, OneInAMailboxThatIsGoneGoesWithIt) {
  list({"INBOX", "X"});
  EXPECT_EQ(pending_.size(), 1U);
  list({"INBOX"});
  EXPECT_EQ(pending_.size(), 0U);
}

// After a restart, too.
TEST_F(LostArrivals, ItsMailboxIsLookedAt) {
  EXPECT_EQ(sync::replay(session_, store(), ignore_), std::set<MailboxId>{x()});
}

// A crash came after the store had its UID.
TEST_F(LostArrivals, OneThatTheStoreHasFoundIsDone) {
  pending_.vanished(MessageId{10});
  sent(store::Change::Kind::append, 11);
  update([this](auto& all) { all.putMessage(test::sampleMessage(11, x(), 6)); });
  sync::replay(session_, store(), ignore_);
  EXPECT_EQ(pending_.size(), 0U);
}

TEST_F(LostArrivals, OneWithARefusedChangeBeforeItIsDone) {
  pending_.vanished(MessageId{10});
  store::Change refused;
  refused.kind = store::Change::Kind::flags;
  refused.id = MessageId{10};
  refused.source = {"INBOX", 1, 5, "<1@example.org>", 100};
  refused.add = Flags({"\\Flagged"});
  refused.state = store::Change::State::parked;
  pending_.add({.add = {refused}});
  sent(store::Change::Kind::move, 10);
  update([this](auto& all) { all.putMessage(test::sampleMessage(10, x(), 6)); });
  EXPECT_EQ(sync::replay(session_, store(), ignore_), std::set<MailboxId>{});
  EXPECT_EQ(pending_.expected("X"), std::set<MessageId>{});
  EXPECT_EQ(pending_.parked(), 1U);
}

// A journal of before: its UID was told in the moment in which it was replaced.
TEST_F(LostArrivals, ADeletionOfNobodyKnowsWhatHoldsUpNothing) {
  pending_.vanished(MessageId{10});
  auto message = test::sampleMessage(11, x(), 0);
  message.shown = store::Shown::hidden;
  update([&](auto& all) { all.putMessage(message); });
  store::Change deletion;
  deletion.kind = store::Change::Kind::flags;
  deletion.id = message.id;
  deletion.add = Flags({"\\Deleted"});
  deletion.source = {"X", 1, 0, "<1@example.org>", 100};
  deletion.spool = "12.eml";
  pending_.add({.add = {deletion}});
  sync::replay(session_, store(), ignore_);
  EXPECT_EQ(pending_.size(), 0U);
  EXPECT_FALSE(cache_->snapshot()->message(message.id));
}

// The same, and it is being written again.
TEST_F(LostArrivals, AnAppendBehindADeletionOfNobodyKnowsWhatStays) {
  store::Change deletion;
  deletion.kind = store::Change::Kind::flags;
  deletion.id = MessageId{11};
  deletion.source = {"X", 1, 0, "<1@example.org>", 100};
  store::Change append;
  append.kind = store::Change::Kind::append;
  append.id = MessageId{11};
  append.mailbox = "X";
  pending_.add({.add = {deletion, append}});
  EXPECT_EQ(pending_.forgetOrphan(MessageId{11}).size(), 1U);
  EXPECT_TRUE(pending_.appendOf(MessageId{11}));
  EXPECT_TRUE(pending_.forgetOrphan(MessageId{10}).empty()) << "a look at X tells";
}

// What follows it is about where it is, and what was refused is not.
TEST_F(LostArrivals, WhatWasRefusedIsNotAdopted) {
  pending_.vanished(MessageId{10});
  store::Change flags;
  flags.kind = store::Change::Kind::flags;
  flags.id = MessageId{10};
  flags.add = Flags({"\\Flagged"});
  flags.source = {"INBOX", 1, 5, "<1@example.org>", 100};
  flags.state = store::Change::State::parked;
  pending_.add({.add = {flags}});
  flags.source = {"X", 1, 0, "<1@example.org>", 100};
  flags.state = store::Change::State::pending;
  pending_.add({.add = {flags}});
  EXPECT_EQ(pending_.orphans(), std::set{MessageId{10}});
  pending_.adopt(MessageId{10}, {"X", 1, 6, "<1@example.org>", 100});
  EXPECT_EQ(pending_.changes().front().source.uid, 5U);
  EXPECT_EQ(pending_.changes().back().source.uid, 6U);
}

}  // namespace
}  // namespace emlfs
