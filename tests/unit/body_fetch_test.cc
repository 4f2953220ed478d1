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
  BodyReader bodies_{pool_,
                     *cache_,
                     1 << 20,
                     counters_,
                     {[](const store::MessageRecord&) {},
                      [this](MailboxId) { ++doubts_of_mailboxes_; },
                      [](const std::optional<Error>&) {},
                      {},
                      [this](MessageId) { return leaving_; }}};
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
