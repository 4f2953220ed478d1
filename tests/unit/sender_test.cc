// What a flush waits for, and what it says.
#include "account/sender.h"

#include <deque>

#include "unit/replay_fixture.h"

namespace emlfs {
namespace {

class QueueingPool final : public imap::Pool {
 public:
  explicit QueueingPool(imap::Session& session) : session_(session) {}
  void submit(imap::Job job) override { jobs_.push_back(std::move(job)); }
  void runAndWait(imap::Lane, const std::string&,
                  const std::function<void(imap::Session&)>& run) override {
    run(session_);
  }
  void hurry() override {}
  void doubt() override {}
  void forgive() override {}
  imap::PoolStatus status() const override { return {}; }
  void stop() override {}

  // All that is queued now.
  void run() {
    for (size_t left = jobs_.size(); left > 0; --left) {
      const auto job = std::move(jobs_.front());
      jobs_.pop_front();
      job.run(session_);
    }
  }
  size_t queued() const { return jobs_.size(); }
  std::vector<imap::Lane> lanes() const {
    std::vector<imap::Lane> all;
    for (const auto& job : jobs_) all.push_back(job.lane);
    return all;
  }

 private:
  imap::Session& session_;
  std::deque<imap::Job> jobs_;
};

class SenderTest : public ReplayUnit {
 protected:
  void deletion() {
    store::Change change;
    change.kind = store::Change::Kind::flags;
    change.id = MessageId{10};
    change.source = {"A", 1, 5, "<1@example.org>", 100};
    change.add = Flags({"\\Deleted"});
    pending_.add({.add = {change}});
  }
  void flush() {
    sender_.flush(sender_.newWait(), std::nullopt, [this](const std::optional<Error>& error) {
      answered_ = true;
      error_ = error;
    });
  }

  test::MailboxSession session_{{}};
  QueueingPool pool_{session_};
  std::vector<MailboxId> told_;
  int ended_ = 0;
  Sender sender_{pool_,
                 store(),
                 {ignore_,
                  [this](const std::set<MailboxId>& mailboxes) {
                    told_.insert(told_.end(), mailboxes.begin(), mailboxes.end());
                  },
                  [this] { ++ended_; }, [](const Error&) {}}};
  bool answered_ = false;
  std::optional<Error> error_;
};

TEST_F(SenderTest, AFlushWaitsForOtherAccounts) {
  pending_.holdDeletions([] { return int64_t{0}; });
  deletion();
  flush();
  pool_.run();
  EXPECT_TRUE(pending_.held());
  EXPECT_FALSE(answered_);
  pending_.vanished(MessageId{10});
  sender_.looked();
  EXPECT_TRUE(answered_);
  EXPECT_FALSE(error_);
}

// Who waits for its end would wait for the network: the pool keeps the job until that is back.
TEST_F(SenderTest, AReplayThatIsCutHasEnded) {
  deletion();
  session_.on_open = [](const std::string&) {
    throw Error(Code::network, Scope::connection, "cut");
  };
  sender_.poke();
  EXPECT_THROW(pool_.run(), Error);
  EXPECT_EQ(ended_, 1);
}

// The pool keeps that job until the network is back, however long somebody waits.
TEST_F(SenderTest, AFlushOfWhatIsCutIsNotLeftInTheBackground) {
  deletion();
  session_.on_open = [this](const std::string&) {
    flush();
    throw Error(Code::network, Scope::connection, "cut");
  };
  sender_.poke();
  EXPECT_THROW(pool_.run(), Error);
  EXPECT_EQ(pool_.lanes(), std::vector{imap::Lane::listing});
  EXPECT_FALSE(answered_);
}

TEST_F(SenderTest, WhatWaitsForARefusedChangeIsBusy) {
  append(11, "From: a\r\n\r\none\r\n");
  pending_.park(pending_.next(), Error(Code::quota, Scope::message, "full"));
  deletion();
  sender_.flush(sender_.newWait(), pending_.changes().front().number,
                [this](const std::optional<Error>& error) {
                  answered_ = true;
                  error_ = error;
                });
  pool_.run();
  ASSERT_TRUE(answered_);
  ASSERT_TRUE(error_);
  EXPECT_EQ(error_->code, Code::busy);
}

// Two programs at once, with `sync`: neither may believe that the server has what it refused.
TEST_F(SenderTest, EachWhoWaitsForAChangeHearsOfARefusal) {
  const Error full(Code::quota, Scope::message, "full");
  append(11, "From: a\r\n\r\none\r\n");
  pending_.park(pending_.next(), full);
  const uint64_t since = pending_.latest();
  append(12, "From: a\r\n\r\ntwo\r\n");
  append(13, "From: a\r\n\r\nthree\r\n");
  int refused = 0;
  for (int i = 0; i < 2; ++i)
    sender_.flush(sender_.newWait(), since, [&](const std::optional<Error>& error) {
      refused += error && error->code == Code::quota ? 1 : 0;
    });
  pending_.park(pending_.next(), full);
  pool_.run();
  EXPECT_EQ(refused, 2);
}

// The file is about to be written on, or to be sent after all.
TEST_F(SenderTest, AFlushWaitsForWhatIsBeingAmended) {
  append(11, "From: a\r\n\r\none\r\n");
  pending_.amend(MessageId{11}, [&](store::Change append) {
    flush();
    pool_.run();
    EXPECT_FALSE(answered_);
    EXPECT_EQ(pool_.queued(), 1U) << "it is looked at again";
    append.size = 0;
    return store::Batch{.update = {append}};
  });
  pool_.run();
  EXPECT_TRUE(answered_);
  EXPECT_FALSE(error_);
}

// Into a mailbox that one may not look into, of a server without UIDPLUS.
TEST_F(SenderTest, AFlushDoesNotWaitForEverForWhereAMessageIs) {
  const store::MessageRef place{"B", 1, 0, "<2@example.org>", 100};
  auto arrived = move(place.message_id, place.size);
  arrived.id = MessageId{11};
  arrived.source = place;
  arrived.state = store::Change::State::copied;
  auto flagged = arrived;
  flagged.kind = store::Change::Kind::flags;
  flagged.state = store::Change::State::pending;
  flagged.add = Flags({"\\Flagged"});
  pending_.add({.add = {arrived, flagged}});
  flush();
  pool_.run();
  EXPECT_FALSE(answered_) << "the next look may tell";
  const Sender::Hooks hooks{ignore_, [](const auto&) {}, [] {}, [](const Error&) {}};
  Sender hasty(pool_, store(), hooks, Milliseconds(-1));
  std::optional<Error> error;
  hasty.flush(hasty.newWait(), std::nullopt, [&](const auto& said) { error = said; });
  pool_.run();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, Code::timeout);
}

// Each look that fails leads to the next replay.
TEST_F(SenderTest, AMailboxThatLacksAUidIsNamedOnceUntilSomethingIsSent) {
  auto arrived = move("<2@example.org>", 100);
  arrived.id = MessageId{11};
  arrived.source = {"B", 1, 0, "<2@example.org>", 100};
  arrived.state = store::Change::State::copied;
  pending_.add({.add = {arrived}});
  const auto look = [this] {
    sender_.looked();
    pool_.run();
  };
  for (int i = 0; i < 10; ++i) look();
  EXPECT_EQ(told_, std::vector{test::mailboxId(2)});
  session_.mailboxes["A"];
  deletion();
  told_.clear();
  look();
  EXPECT_EQ(told_, (std::vector{test::mailboxId(1), test::mailboxId(2)}));
}

}  // namespace
}  // namespace emlfs
