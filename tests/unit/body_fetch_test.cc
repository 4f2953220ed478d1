// Bodies of messages that are not as, or where, they were when they were asked for.
#include "account/body_reader.h"
#include "support/hand_pool.h"
#include "unit/sync_fixture.h"

namespace emlfs {
namespace {

using test::HandPool;

class BodyFetchTest : public StoreTest {
 protected:
  ~BodyFetchTest() override { bodies_.stop(); }

  std::optional<Error> read(ModelSession& session, MailboxId mailbox) {
    std::optional<Error> failed;
    const auto id = cache_->snapshot()->byUid(mailbox, 1);
    bodies_.read(bodies_.newRead(), *id, 0, 4096,
                 [&](const std::optional<Error>& error, const auto&) { failed = error; });
    work(session);
    return failed;
  }

  struct Answer {
    bool given = false;
    std::optional<Error> error;
    size_t size = 0;
  };
  WaitId ask(MessageId id, Answer& answer) {
    const WaitId wait = bodies_.newRead();
    bodies_.read(wait, id, 0, 4096, [&](const auto& error, const auto& bytes) {
      answer.given = true;
      answer.error = error;
      for (const auto part : bytes) answer.size += part.size();
    });
    return wait;
  }
  void work(ModelSession& session) {
    while (!pool_.jobs.empty()) HandPool::run(pool_.take(), &session);
  }
  HandPool pool_;
  Counters counters_;
  unsigned doubts_of_mailboxes_ = 0;
  bool leaving_ = false;
  std::vector<WalkNews> news_;
  BodyReader bodies_{pool_,
                     *cache_,
                     1 << 20,
                     counters_,
                     {[](const store::MessageRecord&) {},
                      [this](MailboxId) { ++doubts_of_mailboxes_; },
                      [](const std::optional<Error>&) {},
                      {},
                      [this](MessageId) { return leaving_; },
                      [this](const WalkNews& news) { news_.push_back(news); }}};
};

TEST_F(BodyFetchTest, ASessionThatHasTheOldMailboxSelectedLooksAgain) {
  ModelMailbox model;
  model.append();
  ModelSession session(model, {});
  const auto id = mailbox(session);
  sync::syncMailbox(session, store(), id, ignore_);
  model.replace();
  model.append();
  ModelSession other(model, {});
  sync::syncMailbox(other, store(), id, ignore_);
  const auto failed = read(session, id);
  EXPECT_FALSE(failed) << failed->what();
  EXPECT_EQ(doubts_of_mailboxes_, 0U);

  model.replace();
  model.append();
  sync::syncMailbox(other, store(), id, ignore_);
  model.replace();  // and the store doesn't know
  const auto stale = read(session, id);
  ASSERT_TRUE(stale);
  EXPECT_EQ(stale->code, Code::stale);
  EXPECT_EQ(doubts_of_mailboxes_, 1U);
}

// Twenty messages that somebody reads one after the other.
class ReadAheadTest : public BodyFetchTest {
 protected:
  ReadAheadTest() {
    for (int i = 0; i < 20; ++i) model_.append();
    box_ = mailbox(session_);
    sync::syncMailbox(session_, store(), box_, ignore_);
  }
  MessageId idOf(Uid uid) { return *cache_->snapshot()->byUid(box_, uid); }
  // A walk is recognised, and its first jobs are queued.
  void walk() {
    for (const Uid uid : {1U, 2U, 3U}) {
      Answer answer;
      ask(idOf(uid), answer);
      while (!pool_.jobs.empty() && pool_.jobs.front().lane == imap::Lane::reading)
        HandPool::run(pool_.take(), &session_);
      EXPECT_EQ(answer.size, 1'000U + uid);
    }
    ASSERT_EQ(pool_.jobs.size(), 1U);
    ASSERT_EQ(pool_.jobs.front().lane, imap::Lane::ahead);
  }

  ModelMailbox model_;
  ModelSession session_{model_, {}};
  MailboxId box_;
};

TEST_F(ReadAheadTest, WhatComesNextIsThereInOneCommand) {
  walk();
  work(session_);
  for (Uid uid = 4; uid <= 20; ++uid) {
    Answer answer;
    ask(idOf(uid), answer);
    EXPECT_EQ(answer.size, 1'000U + uid);
    EXPECT_TRUE(pool_.jobs.empty());
  }
}

TEST_F(ReadAheadTest, WhoReadsWhatIsOnItsWayWaitsForThat) {
  walk();
  Answer answer;
  ask(idOf(4), answer);
  EXPECT_FALSE(answer.given);
  for (const auto& job : pool_.jobs) EXPECT_EQ(job.lane, imap::Lane::ahead);
  work(session_);
  EXPECT_EQ(answer.size, 1'004U);
}

TEST_F(ReadAheadTest, WhatSomebodyWaitsForIsFetchedBeforeAllThatNobodyDoes) {
  walk();
  Answer first;
  Answer second;
  ask(idOf(10), first);
  ASSERT_EQ(pool_.jobs.size(), 2U);
  EXPECT_TRUE(pool_.jobs.front().first);
  EXPECT_EQ(pool_.jobs.front().lane, imap::Lane::ahead);
  ask(idOf(11), second);
  EXPECT_EQ(pool_.jobs.size(), 2U) << "once is enough";

  HandPool::run(pool_.take(), &session_);
  EXPECT_EQ(first.size, 1'010U);
  EXPECT_EQ(second.size, 1'011U);
  // The one whose turn comes later has nothing left to do, and nothing to report.
  HandPool::run(pool_.take(), nullptr);
  Answer again;
  ask(idOf(12), again);
  EXPECT_EQ(again.size, 1'012U);
}

// Nobody is to wait twice for a server that is silent.
TEST_F(ReadAheadTest, WhoWaitedInVainForWhatWasReadAheadIsNotMadeToWaitAgain) {
  walk();
  Answer first;
  ask(idOf(10), first);
  const Error silent(Code::timeout, Scope::connection, "no answer in time");
  for (const auto& job : std::exchange(pool_.jobs, {})) job.failed(silent);
  ASSERT_TRUE(first.error);
  Answer second;
  ask(idOf(10), second);
  ASSERT_TRUE(second.error);
  EXPECT_EQ(second.error->code, Code::timeout);
  EXPECT_TRUE(pool_.jobs.empty());
}

TEST_F(ReadAheadTest, WhatTheServerLeavesOutIsAskedForAlone) {
  walk();
  session_.unreadable.insert(5);
  Answer left_out;
  Answer given;
  ask(idOf(5), left_out);
  ask(idOf(6), given);
  HandPool::run(pool_.take(), &session_);
  EXPECT_EQ(given.size, 1'006U);
  EXPECT_FALSE(left_out.given);
  ASSERT_EQ(pool_.jobs.size(), 2U);  // with the one that was overtaken
  EXPECT_EQ(pool_.jobs.back().lane, imap::Lane::reading);
  work(session_);
  EXPECT_EQ(left_out.size, 1'005U);
}

TEST_F(ReadAheadTest, WhatIsGoneFailsForItsReaderOnly) {
  walk();
  model_.expunge(5);
  Answer gone;
  ask(idOf(5), gone);
  work(session_);
  ASSERT_TRUE(gone.error);
  EXPECT_EQ(gone.error->code, Code::stale);
  Answer next;
  ask(idOf(6), next);
  EXPECT_EQ(next.size, 1'006U);
}

TEST_F(ReadAheadTest, WithoutANetworkWhoWaitsIsTold) {
  walk();
  Answer answer;
  ask(idOf(4), answer);
  HandPool::run(pool_.take(), nullptr);
  ASSERT_TRUE(answer.error);
  EXPECT_EQ(answer.error->code, Code::network);
  HandPool::run(pool_.take(), nullptr);  // the one that was overtaken
  EXPECT_TRUE(pool_.jobs.empty());
}

// The pool repeats a job on another connection when one has died.
TEST_F(ReadAheadTest, ABatchIsTakenUpWhereItWasCut) {
  walk();
  const auto job = pool_.take();
  session_.on_call = [] { throw Error(Code::network, Scope::connection, "cut"); };
  EXPECT_THROW(job.run(session_), Error);
  HandPool::run(job, &session_);
  Answer answer;
  ask(idOf(20), answer);
  EXPECT_EQ(answer.size, 1'020U);
}

TEST_F(ReadAheadTest, OfAMailboxThatWasReplacedNothingIsBelieved) {
  walk();
  model_.replace();
  for (int i = 0; i < 20; ++i) model_.append();
  ModelSession other(model_, {});
  HandPool::run(pool_.take(), &other);
  Answer answer;
  ask(idOf(4), answer);
  EXPECT_FALSE(answer.given && !answer.error);
  work(other);
  ASSERT_TRUE(answer.error);
  EXPECT_EQ(answer.error->code, Code::stale);
}

TEST_F(ReadAheadTest, WhatIsCachedIsOfferedOnce) {
  const auto update = cache_->begin();
  for (Uid uid = 1; uid <= 20; ++uid) update->putChunk(idOf(uid), 0, std::string(1'000 + uid, 'x'));
  update->commit();
  for (const Uid uid : {1U, 2U, 3U}) {
    news_.clear();
    Answer answer;
    ask(idOf(uid), answer);
    ASSERT_EQ(news_.size(), 1U);
    EXPECT_EQ(news_[0].directory, box_);
    EXPECT_EQ(news_[0].read, idOf(uid));
  }
  ASSERT_FALSE(news_[0].next.empty());
  EXPECT_EQ(news_[0].next.front(), idOf(6)) << "the nearest are left";
  EXPECT_EQ(news_[0].next.back(), idOf(20));
  EXPECT_TRUE(pool_.jobs.empty());
}

TEST_F(ReadAheadTest, SettledIsWhatIsThereWholeAndNobodyWaitsFor) {
  walk();
  EXPECT_FALSE(bodies_.settled(idOf(4))) << "it is on its way";
  Answer answer;
  ask(idOf(4), answer);
  EXPECT_FALSE(bodies_.settled(idOf(4)));
  work(session_);
  bodies_.stop();  // which writes all
  const auto body = bodies_.settled(idOf(4));
  ASSERT_TRUE(body);
  EXPECT_EQ(body->size(), 1'004U);

  const auto update = cache_->begin();
  auto message = *update->message(idOf(4));
  message.size_known = false;
  update->putMessage(message);
  auto draft = *update->message(idOf(5));
  draft.uid = 0;
  draft.directory = draft.mailbox;
  draft.shown = store::Shown::arrived;
  const MessageId draft_id = draft.id;
  update->putMessage(draft);
  update->commit();
  EXPECT_FALSE(bodies_.settled(idOf(4))) << "it may be longer";
  EXPECT_FALSE(bodies_.settled(draft_id));
}

// A message that the server and the store have, and that somebody has begun to read.
class MessageInDoubt : public BodyFetchTest {
 protected:
  MessageInDoubt() {
    const Uid uid = model_.append();
    const auto box = mailbox(session_);
    sync::syncMailbox(session_, store(), box, ignore_);
    id_ = *cache_->snapshot()->byUid(box, uid);
    ask(id_, answer_);
  }
  void work() { BodyFetchTest::work(session_); }
  // Another UID for it in the model, and in `update`.
  void place(store::Update& update) {
    auto message = *update.message(id_);
    message.uid = model_.append();
    message.size = 1'000 + message.uid;
    update.putMessage(message);
  }
  void move() {
    const auto update = cache_->begin();
    place(*update);
    update->commit();
  }
  // A move of ours is on its way, and the reader has found out.
  void leave() {
    model_.expunge(1);
    leaving_ = true;
    work();
    EXPECT_FALSE(answer_.given);
  }

  ModelMailbox model_;
  ModelSession session_{model_, {}};
  MessageId id_;
  Answer answer_;
};

TEST_F(MessageInDoubt, WhatIsBeingFetchedOfAnOldVersionIsNotTheNewOne) {
  session_.on_call = [&] {
    const auto update = cache_->begin();
    place(*update);
    bodies_.renew(id_, [&] { update->commit(); });
  };
  work();
  EXPECT_FALSE(answer_.error) << answer_.error->what();
  EXPECT_EQ(answer_.size, 1'002U);
  bodies_.stop();
  EXPECT_EQ(cache_->snapshot()->chunk(id_, 0).value_or("").size(), 1'002U);
}

TEST_F(MessageInDoubt, WhatWasFetchedOfAnOldVersionIsNotCached) {
  Answer meanwhile;
  {
    const auto update = cache_->begin();  // for which the body's writer waits
    work();
    place(*update);
    bodies_.renew(id_, [&] {
      ask(id_, meanwhile);
      update->commit();
    });
  }
  EXPECT_EQ(answer_.size, 1'001U);
  ASSERT_TRUE(meanwhile.error) << "the store has the old one still";
  EXPECT_EQ(meanwhile.error->code, Code::busy);
  Answer renewed;
  ask(id_, renewed);
  work();
  EXPECT_EQ(renewed.size, 1'002U);
  bodies_.stop();
  EXPECT_EQ(cache_->snapshot()->chunk(id_, 0).value_or("").size(), 1'002U);
}

TEST_F(MessageInDoubt, AMessageThatWasMovedMeanwhileIsReadInItsNewPlace) {
  session_.on_call = [&] {
    model_.expunge(1);
    move();
  };
  work();
  EXPECT_FALSE(answer_.error) << answer_.error->what();
  EXPECT_EQ(answer_.size, 1'002U);
  EXPECT_EQ(doubts_of_mailboxes_, 0U);
}

TEST_F(MessageInDoubt, AReaderWaitsForTheOutcomeOfAMove) {
  Answer interrupted;
  const WaitId wait = ask(id_, interrupted);
  leave();
  EXPECT_TRUE(bodies_.cancel(wait));
  ASSERT_TRUE(interrupted.error);
  EXPECT_EQ(interrupted.error->code, Code::cancelled);
  bodies_.resume();
  work();
  EXPECT_FALSE(answer_.given) << "it is still not known";
  move();
  leaving_ = false;
  bodies_.resume();
  work();
  EXPECT_FALSE(answer_.error) << answer_.error->what();
  EXPECT_EQ(answer_.size, 1'002U);
  EXPECT_EQ(doubts_of_mailboxes_, 0U);
}

TEST_F(MessageInDoubt, AMessageThatWasMovedNowhereIsStale) {
  leave();
  leaving_ = false;
  bodies_.resume();
  work();
  ASSERT_TRUE(answer_.error);
  EXPECT_EQ(answer_.error->code, Code::stale);
  EXPECT_EQ(doubts_of_mailboxes_, 1U);
}

TEST_F(MessageInDoubt, TheEndEndsWaitingForAMove) {
  leave();
  bodies_.stop();
  ASSERT_TRUE(answer_.error);
  EXPECT_EQ(answer_.error->code, Code::cancelled);
}

}  // namespace
}  // namespace emlfs
