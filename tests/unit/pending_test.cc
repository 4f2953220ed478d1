// Which of the pending changes is sent next, and what they come to.
#include <gmock/gmock.h>

#include <algorithm>
#include <ctime>
#include <functional>
#include <future>

#include "emlfs/base/clock.h"
#include "emlfs/base/error.h"
#include "support/journal_around.h"
#include "unit/pending_fixture.h"

namespace emlfs::sync {
namespace {

using store::Change;
using testing::ElementsAre;
using testing::IsEmpty;
using Kind = Change::Kind;

TEST_F(PendingTest, LikeChangesAreSentTogether) {
  add({change(Kind::move, 10, "a", 1, "b"), change(Kind::move, 11, "a", 2, "c"),
       change(Kind::move, 12, "a", 3, "b"), change(Kind::move, 13, "x", 1, "b")});
  EXPECT_THAT(next(), ElementsAre(10, 12));
  arrive(50);
  EXPECT_THAT(next(), ElementsAre(11));
  arrive(50);
  EXPECT_THAT(next(), ElementsAre(13));
  arrive(52);
  EXPECT_THAT(next(), IsEmpty());
  EXPECT_EQ(pending_->size(), 0U);
}

TEST_F(PendingTest, ChangesOfOneMessageKeepTheirOrder) {
  add({change(Kind::move, 10, "a", 1, "b"), change(Kind::move, 10, "b", 0, "c"),
       deletion(10, "c", 0), deletion(11, "a", 2)});
  EXPECT_EQ(pending_->outlook(MessageId{10})->directory, "c");
  EXPECT_TRUE(pending_->outlook(MessageId{10})->deleted);
  EXPECT_THAT(next(), ElementsAre(10));
  arrive(50);
  EXPECT_EQ(pending_->next().front().source.mailbox, "b");
  EXPECT_EQ(pending_->next().front().source.uid, 50U);
  arrive(60);
  // The deletions are of different mailboxes.
  EXPECT_THAT(next(), ElementsAre(10));
  EXPECT_EQ(pending_->idOf("c", 8, 60), MessageId{10});
}

TEST_F(PendingTest, AMessageWithoutItsUidWaitsUntilItIsFound) {
  add({change(Kind::move, 10, "a", 1, "b"), deletion(10, "b", 0)});
  pending_->begin(pending_->next(), {8, 40, 0});
  pending_->end("b");
  EXPECT_TRUE(pending_->receives("b"));  // nobody knows whether it has arrived
  EXPECT_TRUE(pending_->outlook(MessageId{10})->leaving);
  reopen();
  EXPECT_TRUE(pending_->receives("b"));
  arrive(0);
  EXPECT_FALSE(pending_->receives("b"));
  EXPECT_THAT(next(), IsEmpty());
  EXPECT_THAT(pending_->expected("b"), ElementsAre(MessageId{10}));

  MessageMeta meta;
  meta.uid = 40;
  meta.size = 100;
  meta.header.message_id = "<another>";
  EXPECT_FALSE(pending_->claimant("b", meta));
  meta.header.message_id = "<id>";
  EXPECT_EQ(pending_->claimant("b", meta), MessageId{10});
  meta.uid = 39;  // it was there before
  EXPECT_FALSE(pending_->claimant("b", meta));
  pending_->found(MessageId{10}, {"b", 8, 40, "<id>", 100});
  EXPECT_THAT(next(), ElementsAre(10));
  EXPECT_EQ(pending_->next().front().kind, Kind::flags);
  EXPECT_EQ(pending_->next().front().source.uid, 40U);
}

TEST_F(PendingTest, OfTwinsNoneClaims) {
  add({change(Kind::move, 10, "a", 1, "b"), change(Kind::move, 11, "a", 2, "b")});
  arrive(0);
  MessageMeta meta;
  meta.uid = 1;
  meta.size = 100;
  meta.header.message_id = "<id>";
  EXPECT_FALSE(pending_->claimant("b", meta));
}

// Invariant 15 of what has to be proved.
TEST_F(PendingTest, NoDeletionBeforeAnEarlierAppendHasSettled) {
  add({append(10, "b"), deletion(11, "a", 1), change(Kind::move, 12, "a", 2, "b"),
       change(Kind::expunge, 13, "a", 3)});
  EXPECT_THAT(next(), ElementsAre(10));
  pending_->park(pending_->next(), Error(Code::quota, Scope::mailbox, "full", "NO [OVERQUOTA]"));
  EXPECT_EQ(pending_->parked(), 1U);
  // A refused one holds the deletions, and nothing else.
  EXPECT_THAT(next(), ElementsAre(12));
  arrive(50);
  EXPECT_THAT(next(), IsEmpty());
  reopen();
  EXPECT_THAT(next(), IsEmpty());
  EXPECT_EQ(pending_->size(), 3U);
}

TEST_F(PendingTest, AppendsToOneMailboxGoTogether) {
  add({append(10, "b"), append(11, "c"), append(12, "b")});
  EXPECT_THAT(next(), ElementsAre(10, 12));
  EXPECT_EQ(pending_->appendOf(MessageId{12})->mailbox, "b");
  EXPECT_FALSE(pending_->appendOf(MessageId{13}));
}

TEST_F(PendingTest, OneThatIsWrittenAgainIsNotSentAndHoldsDeletions) {
  add({append(10, "b"), deletion(11, "a", 1)});
  const auto resized = [](uint64_t size) {
    return [size](Change append) {
      append.size = size;
      return store::Batch{.update = {append}};
    };
  };
  EXPECT_TRUE(pending_->amend(MessageId{10}, resized(0)));
  EXPECT_THAT(next(), IsEmpty());
  reopen();
  EXPECT_THAT(next(), IsEmpty());
  EXPECT_TRUE(pending_->amend(MessageId{10}, resized(200)));
  EXPECT_THAT(next(), ElementsAre(10));
}

// Its mailbox gets another name after that was looked up.
TEST_F(PendingTest, WhatIsAmendedFollowsItsMailbox) {
  add({append(10, "b/x")});
  const auto before = pending_->epoch();
  pending_->renamed(0, {"b", "c", '/', {}});
  const auto to = [](const char* mailbox) {
    return [mailbox](Change append) {
      EXPECT_EQ(append.mailbox, "c/x");
      append.mailbox = mailbox;
      return store::Batch{.update = {append},
                          .put_names = {{{{}, 0, 0, MessageId{10}}, mailbox, "n.eml"}}};
    };
  };
  EXPECT_TRUE(pending_->amend(MessageId{10}, to("b/x"), before));
  EXPECT_EQ(pending_->appendOf(MessageId{10})->mailbox, "c/x");
  EXPECT_EQ(journal_->name({{}, 0, 0, MessageId{10}})->directory, "c/x");
  EXPECT_TRUE(pending_->amend(MessageId{10}, to("b")));
  EXPECT_EQ(pending_->appendOf(MessageId{10})->mailbox, "b") << "it is looked up now";
}

TEST_F(PendingTest, WhatIsBeingSentIsNotAmended) {
  add({append(10, "b")});
  const auto nothing = [](const Change& /*append*/) { return store::Batch{}; };
  EXPECT_FALSE(pending_->amend(MessageId{11}, nothing)) << "there is none";
  const sync::Run run = pending_->next();
  EXPECT_TRUE(pending_->claim(run));
  EXPECT_FALSE(pending_->claim(run));
  EXPECT_FALSE(pending_->amend(MessageId{10}, nothing));
  EXPECT_THAT(next(), IsEmpty());
  pending_->release(run);
  EXPECT_THAT(next(), ElementsAre(10));
  pending_->begin(run, {8, 40, 0});
  pending_->end("b");
  EXPECT_FALSE(pending_->amend(MessageId{10}, nothing));
}

TEST_F(PendingTest, WhatIsReplacedGoesWithItsSuccessor) {
  Change old = deletion(11, "b", 1);
  old.spool = "10.eml";
  add({append(10, "b"), old, change(Kind::move, 10, "b", 0, "c")});
  const sync::Run run = pending_->next();
  EXPECT_EQ(pending_->replacedBy(run.front()).at(0).id, MessageId{11});
  // Refused: so is all that was to follow from it.
  const sync::Run parked = pending_->park(run, Error(Code::quota, Scope::message, "full", "NO"));
  EXPECT_EQ(parked.size(), 3U);
  EXPECT_EQ(pending_->parked(), 3U);
  EXPECT_FALSE(pending_->outlook(MessageId{11})->deleted);
}

TEST_F(PendingTest, DeletionsWaitForNewMessagesElsewhere) {
  std::optional<int64_t> oldest = 0;
  pending_->holdDeletions([&] { return oldest; });
  add({deletion(11, "a", 1), change(Kind::move, 12, "a", 2, "b")});
  EXPECT_THAT(next(), ElementsAre(12));
  EXPECT_TRUE(pending_->held());
  arrive(50);
  EXPECT_THAT(next(), IsEmpty());
  oldest = std::time(nullptr) + 3600;  // written after the deletion
  EXPECT_THAT(next(), ElementsAre(11));
  oldest = std::nullopt;
  EXPECT_THAT(next(), ElementsAre(11));
  EXPECT_FALSE(pending_->held());
}

TEST_F(PendingTest, AnAppendWithoutItsUidIsFoundByTheTimeItWasGiven) {
  add({append(10, "b"), deletion(11, "a", 1)});
  pending_->begin(pending_->next(), {8, 40, 0});
  pending_->end("b");
  EXPECT_TRUE(pending_->receives("b"));
  arrive(0);
  EXPECT_FALSE(pending_->receives("b"));
  EXPECT_THAT(pending_->expected("b"), ElementsAre(MessageId{10}));
  EXPECT_THAT(next(), ElementsAre(11)) << "the server has it";
  MessageMeta meta;
  meta.uid = 40;
  meta.size = 100;
  meta.header.message_id = "<id>";
  meta.date = {7, 60};  // the zone is the server's
  EXPECT_FALSE(pending_->claimant("b", meta));
  meta.date.seconds = 5;
  EXPECT_EQ(pending_->claimant("b", meta), MessageId{10});
}

TEST_F(PendingTest, WhatFollowsARefusedMoveIsAboutTheOldPlace) {
  add({change(Kind::move, 10, "a", 1, "b"), change(Kind::move, 10, "b", 0, "c")});
  pending_->park(pending_->next(), Error(Code::denied, Scope::mailbox, "no", "NO [NOPERM]"));
  EXPECT_THAT(next(), ElementsAre(10));
  EXPECT_EQ(pending_->next().front().source.mailbox, "a");
  EXPECT_EQ(pending_->next().front().mailbox, "c");
  EXPECT_EQ(pending_->outlook(MessageId{10})->directory, "c");
}

// How long the process before was waiting when it ended is not known.
TEST_F(PendingTest, WhatWasSentAMomentAgoMayStillBeAtWork) {
  add({append(9, "a")});
  const auto run = pending_->next();
  EXPECT_EQ(pending_->unanswered(run), Clock::duration(0));
  pending_->begin(run, {7, 1, 0});
  reopen();
  const auto begun = pending_->changes();
  EXPECT_GE(pending_->unanswered(begun), std::chrono::seconds(1));
  EXPECT_LE(pending_->unanswered(begun), std::chrono::seconds(62));
  pending_->unanswered(begun, std::chrono::milliseconds(5));
  EXPECT_EQ(pending_->unanswered(begun), std::chrono::milliseconds(5));
}

TEST_F(PendingTest, AChangeThatCameTooLateForItsMessageIsAdopted) {
  add({deletion(10, "b", 0)});
  EXPECT_THAT(next(), IsEmpty());
  EXPECT_THAT(pending_->orphans(), ElementsAre(MessageId{10}));
  pending_->adopt(MessageId{10}, {"b", 8, 50, "<id>", 100});
  EXPECT_THAT(pending_->orphans(), IsEmpty());
  EXPECT_THAT(next(), ElementsAre(10));
}

TEST_F(PendingTest, WhatAnotherClientTookAwayIsForgotten) {
  add({change(Kind::move, 10, "a", 1, "b"), deletion(10, "b", 0), deletion(11, "a", 2)});
  pending_->vanished(MessageId{10});
  EXPECT_FALSE(pending_->outlook(MessageId{10}));
  EXPECT_FALSE(pending_->idOf("a", 7, 1));
  EXPECT_THAT(next(), ElementsAre(11));
}

TEST_F(PendingTest, FlagsAddUp) {
  Change seen = change(Kind::flags, 10, "a", 1);
  seen.add = Flags({"\\Seen", "$Work"});
  Change unseen = change(Kind::flags, 10, "a", 1);
  unseen.remove = Flags({"\\Seen"});
  add({seen, unseen});
  const auto outlook = pending_->outlook(MessageId{10});
  EXPECT_EQ(outlook->add.text(), "$Work");
  EXPECT_EQ(outlook->remove.text(), "\\Seen");
  EXPECT_FALSE(outlook->deleted);
}

TEST_F(PendingTest, ANameGivenWhileOnlyFlagsAreLeftIsKept) {
  pending_->add({.add = {change(Change::Kind::move, 10, "a", 5, "b")},
                 .put_names = {{{{}, 0, 0, MessageId{10}}, "b", "as it was.eml"}}});
  add({change(Change::Kind::flags, 10, "b", 0)});
  arrive(7);
  const store::NameKey there{"b", 8, 7, {}};
  EXPECT_EQ(pending_->nameOf(there), "as it was.eml");
  pending_->add({.put_names = {{there, "b", "given.eml"}}});
  const auto flags = pending_->next();
  ASSERT_EQ(flags.size(), 1U);
  const Bound bound{flags.front().number, flags.front().source};
  pending_->done({&bound, 1});
  EXPECT_EQ(pending_->nameOf(there), "given.eml");
}

TEST_F(PendingTest, NoNameIsKeptOfWhereAMessageNoLongerIs) {
  const store::NameKey before{"a", 7, 5, {}};
  pending_->add({.put_names = {{before, "a", "given.eml"}}});
  pending_->add({.add = {change(Change::Kind::move, 10, "a", 5, "b")},
                 .put_names = {{{{}, 0, 0, MessageId{10}}, "b", "given.eml"}}});
  EXPECT_EQ(pending_->nameOf(before), "given.eml");
  arrive(7);
  EXPECT_EQ(pending_->nameOf(before), std::nullopt);
  EXPECT_EQ(pending_->nameOf({"b", 8, 7, {}}), "given.eml");
}

// While it is on its way to another place.
TEST_F(PendingTest, ANameStaysWithTheMessageUntilItsLastMoveIsDone) {
  pending_->add({.add = {change(Change::Kind::move, 10, "a", 5, "b")},
                 .put_names = {{{{}, 0, 0, MessageId{10}}, "b", "given.eml"}}});
  add({change(Change::Kind::move, 10, "b", 0, "c")});
  arrive(7);
  EXPECT_EQ(pending_->nameOf({"b", 8, 7, {}}), std::nullopt);
  EXPECT_EQ(pending_->nameOf({{}, 0, 0, MessageId{10}}), "given.eml");
  arrive(9);
  EXPECT_EQ(pending_->nameOf({"c", 8, 9, {}}), "given.eml");
}

// A mailbox gets another name, and a message in it as well.
TEST_F(PendingTest, ANameThatIsGivenWhileItsMailboxIsRenamedIsKept) {
  class Journal final : public test::JournalAround {
   public:
    using JournalAround::JournalAround;
    void eachName(const std::function<bool(const store::GivenName&)>& each) const override {
      JournalAround::eachName(each);
      if (++reads == 2) read();
    }
    std::function<void()> read;
    mutable int reads = 0;
  };
  Journal journal(*journal_);
  Pending pending(journal);
  pending.add({.put_names = {{{"a", 7, 5, {}}, "a", "older.eml"}}});
  std::future<bool> given;
  journal.read = [&] {
    given = std::async(std::launch::async, [&] {
      return pending.add({.put_names = {{{"a", 7, 5, {}}, "a", "newer.eml"}}}, {}, 0);
    });
    // Too early, if nothing holds it up.
    given.wait_for(Milliseconds(200));
  };
  pending.renamed(0, {"a", "z", '/', {}});
  EXPECT_TRUE(given.get());
  EXPECT_EQ(pending.nameOf({"z", 7, 5, {}}), "newer.eml");
  EXPECT_EQ(pending.nameOf({"a", 7, 5, {}}), std::nullopt);
}

// A crash came before the journal heard of the UID that the store has.
TEST_F(PendingTest, AnAppendThatLacksItsUidCanBeAdopted) {
  add({append(10, "b")});
  EXPECT_THAT(pending_->orphans(), IsEmpty());
  arrive(0);
  EXPECT_THAT(pending_->orphans(), ElementsAre(MessageId{10}));
}

TEST_F(PendingTest, WhatIsBeingAmendedIsPassedOver) {
  add({append(10, "b")});
  pending_->amend(MessageId{10}, [&](const Change& append) {
    EXPECT_THAT(next(), IsEmpty());
    EXPECT_TRUE(pending_->amending());
    return store::Batch{.update = {append}};
  });
  EXPECT_THAT(next(), ElementsAre(10));
  EXPECT_FALSE(pending_->amending());
}

}  // namespace
}  // namespace emlfs::sync
