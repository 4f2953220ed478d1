// A new message that takes the place of another one.
#include "unit/draft_fixture.h"

namespace emlfs {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

class DraftRename : public DraftUnitTest {
 protected:
  // An editor saves it once, which the server has not heard of.
  void SetUp() override {
    DraftUnitTest::SetUp();
    update([&](auto& change) { change.putMailbox(test::sampleMailbox(2, "B")); });
    deliver("f.eml", 10, 5);
    first_ = write(".1.tmp", "A: one\r\n");
    drafts_->rename(first_, kA, "f.eml", true);
    drafts_->sealAll();
    second_ = write(".2.tmp", "A: two\r\n");
  }
  void arriveMeanwhile(const std::string& name);
  void saveAgain() { drafts_->rename(second_, kA, "f.eml", true); }

  const MailboxId b_ = test::mailboxId(2);
  MessageId first_;
  MessageId second_;
};

TEST_F(DraftRename, TakesOverWhatTheUnsentOneWasToReplace) {
  const auto flags = at("f.eml")->flags;
  EXPECT_TRUE(flags.has("\\Seen"));
  saveAgain();
  EXPECT_EQ(at("f.eml")->id, second_);
  EXPECT_EQ(at("f.eml")->flags, flags);
  EXPECT_FALSE(at(".2.tmp"));
  const auto appends = changes(Kind::append);
  const auto deletions = changes(Kind::flags);
  ASSERT_THAT(appends, SizeIs(1));
  ASSERT_THAT(deletions, SizeIs(1));
  EXPECT_EQ(appends[0].id, second_);
  EXPECT_EQ(appends[0].add, flags);
  EXPECT_EQ(deletions[0].spool, appends[0].spool);
  EXPECT_LT(appends[0].number, deletions[0].number);
  EXPECT_THAT(spool_->list(), testing::ElementsAre(appends[0].spool));
  EXPECT_THAT(pending_->next(), IsEmpty()) << "the old one waits for the new one";
  drafts_->sealAll();
  ASSERT_THAT(pending_->next(), SizeIs(1));
  EXPECT_EQ(pending_->next()[0].id, second_);
}

TEST_F(DraftRename, OnAFullDiskLosesNeither) {
  drafts_->setFlags(first_, {}, {});  // a draft again
  journal_->full = true;
  EXPECT_THROW(saveAgain(), Error);
  journal_->full = false;
  EXPECT_EQ(bytes(at("f.eml")->id), "A: one\r\n");
  EXPECT_EQ(bytes(second_), "A: two\r\n");
  crash();
  EXPECT_EQ(bytes(at("f.eml")->id), "A: one\r\n");
  EXPECT_EQ(bytes(at(".2.tmp")->id), "A: two\r\n");
}

TEST_F(DraftRename, OverOneThatIsBeingSentIsBehindIt) {
  const auto sending = pending_->next();
  ASSERT_TRUE(pending_->claim(sending));
  saveAgain();
  EXPECT_EQ(at("f.eml")->id, second_);
  const auto deletions = changes(Kind::flags);
  ASSERT_THAT(deletions, SizeIs(2));
  EXPECT_EQ(deletions[1].id, first_);
  EXPECT_EQ(deletions[1].spool, changes(Kind::append)[1].spool);
  pending_->release(sending);
}

// Its deletion was made of what was known before.
void DraftRename::arriveMeanwhile(const std::string& name) {
  const MessageId old = write("1.eml", "A: old\r\n");
  drafts_->sealAll();
  const auto sending = pending_->next();
  ASSERT_TRUE(pending_->claim(sending));
  const MessageId id = write(name, "A: new\r\n");
  drafts_->sealAll();
  deleting_ = [&] {
    pending_->release(sending);
    send(20);
  };
  drafts_->rename(id, kA, "1.eml", true);
  EXPECT_EQ(at("1.eml")->id, id);
  const auto deletion = changes(Kind::flags).back();
  EXPECT_EQ(deletion.id, old);
  const auto record = cache_->snapshot()->message(old);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->shown, store::Shown::hidden);
  EXPECT_NE(record->uid, 0U);
  EXPECT_EQ(deletion.source.uid, record->uid);
  EXPECT_THAT(pending_->orphans(), IsEmpty());
}

TEST_F(DraftRename, OverOneThatArrivesInThisMomentDeletesWhatHasArrived) {
  arriveMeanwhile(".3.tmp");
}

TEST_F(DraftRename, OfOneWithAnAppendOverOneThatArrivesInThisMomentDoesToo) {
  arriveMeanwhile("3.eml");
}

// In the moment after the journal has it.
TEST_F(DraftRename, OverOneThatArrivesBeforeItIsHiddenKeepsItsUid) {
  const auto sending = pending_->next();
  ASSERT_TRUE(pending_->claim(sending));
  bool once = true;
  journal_->before_commit = [&] {
    if (!std::exchange(once, false)) return;
    auto record = cache_->snapshot()->message(first_).value();
    record.uid = 20;
    update([&](auto& change) { change.putMessage(record); });
  };
  saveAgain();
  journal_->before_commit = nullptr;
  EXPECT_EQ(cache_->snapshot()->message(first_)->uid, 20U);
  EXPECT_EQ(cache_->snapshot()->message(first_)->shown, store::Shown::hidden);
  pending_->release(sending);
}

TEST_F(DraftRename, OfTemporariesHoldsUpNoDeletion) {
  const auto third = write(".3.tmp", "A: three\r\n");
  drafts_->rename(third, kA, ".2.tmp", true);
  EXPECT_THAT(changes(Kind::append), SizeIs(1));
  EXPECT_EQ(bytes(at(".2.tmp")->id), "A: three\r\n");
}

// Who goes on writing makes a new version.
TEST_F(DraftRename, BetweenRealNamesFinishesIt) {
  const MessageId id = drafts_->create(kA, "x.eml").id;
  drafts_->write(id, 0, "A: half\r\n");
  drafts_->rename(id, kA, "y.eml", true);
  drafts_->sealAll();
  EXPECT_THAT(changes(Kind::append), SizeIs(2));
  drafts_->write(id, 9, "B: rest\r\n");
  drafts_->sealAll();
  EXPECT_THAT(drafts_->unsent(), testing::Contains(testing::Field(&UnsentDraft::path, "A/y.eml")));
  finish("y.eml");
  EXPECT_THAT(changes(Kind::append), SizeIs(2));
  EXPECT_EQ(bytes(id), "A: half\r\nB: rest\r\n");
}

// Its closing is told by the old name, and of a file that is no longer called so.
TEST_F(DraftRename, IntoAnotherDirectoryFinishesItAlsoIfNobodyHeardItClosed) {
  for (const bool crashes : {false, true}) {
    const std::string name = crashes ? "1.eml" : "2.eml";
    const MessageId id = drafts_->create(kA, name).id;
    drafts_->write(id, 0, "A: b\r\n");
    drafts_->rename(id, b_, name, true);
    drafts_->closed(kA, name);
    if (crashes) crash();
    drafts_->sealAll();
    const auto append = changes(Kind::append).back();
    EXPECT_EQ(append.id, id);
    EXPECT_EQ(append.mailbox, "B");
    EXPECT_EQ(append.size, 6U);
  }
}

// What was done to it meanwhile comes after the append, also when that is to be sent anew.
class DraftBeingSent : public DraftRename {
 protected:
  void SetUp() override {
    DraftRename::SetUp();
    id_ = write("x.eml", "A: b\r\n");
    drafts_->sealAll();
    const auto sending = pending_->next();
    ASSERT_TRUE(pending_->claim(sending));
    EXPECT_FALSE(drafts_->rename(id_, b_, "x.eml", false));
    sync::moveMessage(store(), id_, b_, "x.eml", [](const auto&) {});
    pending_->release(sending);
    ASSERT_THAT(changes(Kind::move), SizeIs(1));
  }

  MessageId id_;
};

TEST_F(DraftBeingSent, IsNoDraftWhileItIsToBeMoved) {
  EXPECT_FALSE(drafts_->remove(id_));
  EXPECT_FALSE(drafts_->rename(id_, kA, "y.eml", false));
  EXPECT_FALSE(drafts_->setFlags(id_, Flags({"\\Seen"}), {}));
  EXPECT_THROW(drafts_->write(id_, 6, "C: d\n"), Error);
  EXPECT_THAT(changes(Kind::move), SizeIs(1));
}

TEST_F(DraftBeingSent, IsShownWhereItIsToBeWithoutTheCache) {
  update([&](auto& change) { change.removeMessage(id_); });
  crash();
  const auto record = cache_->snapshot()->message(id_);
  ASSERT_TRUE(record);
  EXPECT_EQ(store::shownIn(*record), b_);
  EXPECT_EQ(record->mailbox, kA);
  EXPECT_EQ(record->name, "x.eml");
}

// The mailbox is gone, and with the new message goes what was to be deleted for it.
TEST_F(DraftRename, IsRefusedTogetherWithTheDeletionOfWhatItReplaces) {
  drafts_->remove(second_);
  drafts_->setFlags(first_, {}, {});  // a draft again
  update([&](auto& change) {
    change.removeMessage(first_);
    change.removeMailbox(kA);
  });
  drafts_->strandLost();
  drafts_->sealAll();
  const auto appends = changes(Kind::append);
  const auto deletions = changes(Kind::flags);
  ASSERT_THAT(appends, SizeIs(1));
  ASSERT_THAT(deletions, SizeIs(1));
  EXPECT_EQ(appends[0].state, Change::State::parked);
  EXPECT_EQ(deletions[0].state, Change::State::parked);
  pending_->forgetParked(pending_->parkedWith({appends[0].number}));
  EXPECT_THAT(pending_->changes(), IsEmpty());
}

// An editor's backup, before the server has it, and a new message that was emptied: they may stay
// so.
TEST_F(DraftRename, WhatNobodyWillSendHoldsUpNoDeletion) {
  const auto deletion = [&](uint64_t id, Uid uid) {
    const auto message = deliver(std::to_string(id) + ".eml", id, uid);
    sync::changeFlags(store(), {message.id}, Flags({"\\Deleted"}), {}, [](const auto&) {});
    return message.id;
  };
  const auto next = [&] {
    std::vector<MessageId> ids;
    for (const auto& change : pending_->next()) ids.push_back(change.id);
    return ids;
  };
  send(20);  // what the fixture has left
  for (const auto& change : changes(Kind::flags)) pending_->drop({change});
  const MessageId backup = write("x.eml", "A: b\r\n");
  drafts_->sealAll();
  drafts_->rename(backup, kA, "x.eml~", true);
  const auto one = deletion(50, 50);
  EXPECT_THAT(next(), testing::ElementsAre(one));
  drafts_->write(backup, 6, "C: d\r\n");
  EXPECT_THAT(next(), IsEmpty()) << "somebody writes it";
  drafts_->closed(kA, "x.eml~");
  EXPECT_THAT(next(), testing::ElementsAre(one));
  pending_->drop(pending_->next());

  const MessageId emptied = write("y.eml", "A: b\r\n");
  drafts_->sealAll();
  send(30);
  drafts_->truncate(emptied, 0, false);
  drafts_->closed(kA, "y.eml");
  const auto two = deletion(51, 51);
  EXPECT_THAT(next(), testing::ElementsAre(two)) << "and not the old version";
}

TEST_F(DraftRename, IsAsBeforeWhenARemovalFails) {
  journal_->full = true;
  EXPECT_THROW(drafts_->remove(at("f.eml")->id), Error);
  journal_->full = false;
  EXPECT_EQ(bytes(first_), "A: one\r\n");
  EXPECT_TRUE(drafts_->remove(first_));
  EXPECT_THAT(changes(Kind::append), IsEmpty());
  EXPECT_EQ(changes(Kind::flags).at(0).spool, "");
}

}  // namespace
}  // namespace emlfs
