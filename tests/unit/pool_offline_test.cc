// A server that can't be reached, or does not answer: who waits, and for how many attempts.
#include "unit/pool_fixture.h"

namespace emlfs::imap {
namespace {

TEST_F(PoolTest, ADoubtfulNetworkClosesWhatIsIdleAndLetsTheOthersEnd) {
  start(2);
  connectAll(2);
  Gate running, release;
  auto runs = submit(Lane::listing, [&](Session&) {
    running.open();
    release.pass();
  });
  running.pass();
  pool_->doubt();
  // Only the one that works is left, and it is not taken again.
  EXPECT_GE(run(Lane::listing, ""), 2);
  release.open();
  EXPECT_LT(sessionOf(std::move(runs)), 2);
  for (int i = 0; i < 10; ++i) EXPECT_GE(run(Lane::listing, ""), 2);
}

TEST_F(PoolTest, WithoutServerPeopleGetAnErrorAndTheBackgroundWaits) {
  Gate back;
  std::atomic<bool> away{true};
  on_open_ = [&](int, const SessionOptions&) {
    if (away) throw kBroken;
  };
  start(2);
  auto background = submit(Lane::background);
  auto watcher = submit(Lane::watch);
  EXPECT_EQ(errorOf(submit(Lane::listing)).code, Code::network);
  EXPECT_EQ(errorOf(submit(Lane::reading)).code, Code::network);
  const PoolStatus status = pool_->status();
  ASSERT_TRUE(status.offline.has_value());
  EXPECT_STREQ(status.offline->what(), "broken");
  EXPECT_EQ(status.queued[static_cast<size_t>(Lane::background)], 1U);
  EXPECT_EQ(status.queued[static_cast<size_t>(Lane::watch)], 1U);
  away = false;
  pool_->hurry();
  sessionOf(std::move(background));
  sessionOf(std::move(watcher));
  EXPECT_FALSE(pool_->status().offline.has_value());
}

TEST_F(PoolTest, ATryThatTakesLongIsNotWaitedForWhileTheServerIsAway) {
  Gate begun, end;
  on_open_ = [&](int number, const SessionOptions&) {
    if (number > 1) {
      begun.open();
      end.pass();
    }
    throw kBroken;
  };
  start(2);
  EXPECT_EQ(errorOf(submit(Lane::listing)).code, Code::network);
  auto background = submit(Lane::background);
  begun.pass();
  EXPECT_EQ(errorOf(submit(Lane::reading)).code, Code::network);
  EXPECT_EQ(opened_, 3);
  end.open();
  pool_->stop();
  errorOf(std::move(background));
}

// One attempt may have met a cut; silence is not waited for twice.
TEST_F(PoolTest, WhoeverWaitsForTwoAttemptsThatFailFailsWithThem) {
  Gate all_queued;
  on_open_ = [&](int, const SessionOptions&) {
    all_queued.pass();
    throw kBroken;
  };
  start(4);
  std::vector<std::future<Outcome>> jobs;
  for (int i = 0; i < 6; ++i) jobs.push_back(submit(i % 2 == 0 ? Lane::listing : Lane::reading));
  all_queued.open();
  for (auto& each : jobs) EXPECT_EQ(errorOf(std::move(each)).code, Code::network);
  EXPECT_EQ(opened_, 2);
}

TEST_F(PoolTest, AConnectionThatIsCutWhileItIsBeingMadeIsNotNoticed) {
  on_open_ = [&](int number, const SessionOptions&) {
    if (number == 0) throw kBroken;
  };
  start(2);
  EXPECT_EQ(sessionOf(submit(Lane::reading)), 1);
}

// Whatever the order in which the two pauses end: of all connections, and of further ones.
TEST_F(PoolTest, WhatWaitsForAPauseIsNotForgotten) {
  for (int round = 0; round < 4; ++round) {
    opened_ = 0;
    Gate connecting, broken;
    on_open_ = [&](int number, const SessionOptions&) {
      if (number != 1) return;
      connecting.open();
      broken.pass();
    };
    start(4);
    Gate running, release, ended;
    auto first = submit(Lane::listing, [&](Session& session) {
      if (numberOf(session) > 0) return;
      running.open();
      release.pass();
      throw kBroken;
    });
    running.pass();
    auto second = submit(Lane::listing, [&](Session&) { ended.pass(); });
    connecting.pass();
    release.open();
    while (pool_->status().queued[static_cast<size_t>(Lane::listing)] < 2) poll(nullptr, 0, 1);
    broken.open();
    EXPECT_EQ(sessionOf(std::move(first)), 2);
    ended.open();
    EXPECT_EQ(sessionOf(std::move(second)), 1);
    pool_->stop();
  }
}

// The network may be back and not tell the one who has begun to wait before.
TEST_F(PoolTest, ASecondAttemptFollowsOneIntoSilenceWhileSomebodyWaits) {
  Gate silence;
  on_open_ = [&](int number, const SessionOptions&) {
    if (number == 0) silence.pass();
  };
  start(3);
  auto job = submit(Lane::reading);
  EXPECT_EQ(sessionOf(std::move(job)), 1);
  silence.open();
  pool_->stop();  // before the gate goes
}

TEST_F(PoolTest, NobodyWaitsInTheBackgroundForASecondAttempt) {
  Gate silence;
  on_open_ = [&](int, const SessionOptions&) { silence.pass(); };
  start(3);
  auto job = submit(Lane::background);
  poll(nullptr, 0, 3'000);
  EXPECT_EQ(opened_, 1);
  silence.open();
  EXPECT_EQ(sessionOf(std::move(job)), 0);
  pool_->stop();
}

// After a timeout nobody should have to find out of each idle connection whether it is dead, too.
TEST_F(PoolTest, SilenceOnOneConnectionPutsTheIdleOnesInDoubt) {
  start(3);
  connectAll(3);
  EXPECT_EQ(
      errorOf(submit(Lane::reading,
                     [](Session&) { throw Error(Code::timeout, Scope::connection, "silent"); }))
          .code,
      Code::timeout);
  EXPECT_GE(run(Lane::reading, ""), 3);
}

// A try that takes its time comes on top of what was waited for a session that was silent, but not
// of the promise.
TEST_F(PoolTest, NobodyWaitsLongerThanPromisedForASessionAndThenForATry) {
  Gate running, silent, end;
  const Error silence{Code::timeout, Scope::connection, "silent"};
  on_open_ = [&](int number, const SessionOptions&) {
    if (number == 1) throw silence;
    if (number > 1) end.pass();
  };
  start(4, Milliseconds{2'000});
  EXPECT_EQ(sessionOf(submit(Lane::listing)), 0);
  auto first = submit(Lane::listing, [&](Session&) {
    running.open();
    silent.pass();
    throw silence;
  });
  running.pass();
  auto second = submit(Lane::listing);
  while (opened_ < 2) poll(nullptr, 0, 1);
  silent.open();
  EXPECT_EQ(errorOf(std::move(first)).code, Code::timeout);
  EXPECT_EQ(errorOf(std::move(second)).code, Code::timeout);
  end.open();
  pool_->stop();
}

TEST_F(PoolTest, AnAttemptThatMeetsSilenceIsNotRepeatedForTheSameJob) {
  on_open_ = [](int, const SessionOptions&) {
    throw Error(Code::timeout, Scope::connection, "silent");
  };
  start(2);
  EXPECT_EQ(errorOf(submit(Lane::listing)).code, Code::timeout);
  EXPECT_EQ(opened_, 1);
}

TEST_F(PoolTest, RefusedCredentialsAreNotTriedAgain) {
  on_open_ = [](int, const SessionOptions&) {
    throw Error(Code::auth, Scope::account, "wrong password", "NO");
  };
  start(3);
  for (int i = 0; i < 10; ++i) {
    const Error error = errorOf(submit(i % 2 == 0 ? Lane::listing : Lane::reading));
    EXPECT_EQ(error.code, Code::auth);
    EXPECT_EQ(error.server, "NO");
    pool_->hurry();
  }
  EXPECT_EQ(opened_, 1);
}

}  // namespace
}  // namespace emlfs::imap
