// Connections that break under a job, and which ones take it then.
#include "unit/pool_fixture.h"

namespace emlfs::imap {
namespace {

TEST_F(PoolTest, AJobThatMeetsADeadConnectionRunsAgainOnANewOne) {
  start(1);
  EXPECT_EQ(run(Lane::listing, ""), 0);
  EXPECT_EQ(sessionOf(submit(Lane::listing,
                             [](Session& session) {
                               if (numberOf(session) == 0) throw kBroken;
                             })),
            1);
}

TEST_F(PoolTest, ARetryDoesNotTakeAnotherConnectionOfTheSameAge) {
  start(3);
  connectAll(3);
  std::atomic<int> runs{0};
  EXPECT_EQ(sessionOf(submit(Lane::listing,
                             [&](Session& session) {
                               ++runs;
                               if (numberOf(session) < 3) throw kBroken;
                             })),
            3);
  EXPECT_EQ(runs, 2);
}

// The new session that it waited for watches by now, and the idle one is as old as the one that
// broke: without room for a third that one has to go.
TEST_F(PoolTest, ARetryIsGivenRoomByAnIdleConnectionThatMayNotTakeIt) {
  Gate connecting, connected;
  on_open_ = [&](int number, const SessionOptions&) {
    if (number != 2) return;
    connecting.open();
    connected.pass();
  };
  start(2);
  connectAll(2);
  auto retried = submit(Lane::reading, [](Session& session) {
    if (numberOf(session) < 2) throw kBroken;
  });
  connecting.pass();
  Gate reading, release, watching;
  auto other = submit(Lane::reading, [&](Session&) {
    reading.open();
    release.pass();
  });
  reading.pass();
  auto watcher = submit(Lane::watch, [&](Session& session) {
    watching.open();
    session.listen(Milliseconds{0}, false);
  });
  connected.open();
  watching.pass();
  release.open();
  sessionOf(std::move(other));
  EXPECT_EQ(sessionOf(std::move(retried)), 3);
  pool_->stop();
  EXPECT_EQ(errorOf(std::move(watcher)).code, Code::cancelled);
}

// It may be what the server waits for.
TEST_F(PoolTest, WhenTheServerIsSilentAConnectionThatWatchesIsReplacedAsWell) {
  start(2);
  connectAll(2);
  Gate watching;
  auto watcher = submit(Lane::watch, [&](Session& session) {
    watching.open();
    EXPECT_TRUE(session.listen(Milliseconds{0}, false).woken);
  });
  watching.pass();
  const Error silent{Code::timeout, Scope::connection, "no answer in time"};
  EXPECT_EQ(errorOf(submit(Lane::listing, [&](Session&) { throw silent; })).code, Code::timeout);
  EXPECT_LT(sessionOf(std::move(watcher)), 2);
  EXPECT_GE(run(Lane::listing, ""), 2);
  EXPECT_GE(run(Lane::watch, ""), 2);
}

// An idle connection that has the mailbox selected, but is too old for the job, must not keep a
// new one from taking it.
TEST_F(PoolTest, ARetryIsNotLeftToAnOldConnectionThatHasTheMailbox) {
  start(3);
  std::latch both(2);
  const auto select = [&](Session& session) {
    session.examine("a");
    both.arrive_and_wait();
  };
  auto first = submit(Lane::listing, select);
  auto second = submit(Lane::listing, select);
  sessionOf(std::move(first));
  sessionOf(std::move(second));
  auto done = std::async(std::launch::async, [&] {
    int session = -1;
    pool_->runAndWait(Lane::listing, "a", [&](Session& taken) {
      if (numberOf(taken) < 2) throw kBroken;
      session = numberOf(taken);
    });
    return session;
  });
  if (done.wait_for(kPatience) != std::future_status::ready) {
    ADD_FAILURE() << "nobody took it";
    pool_->stop();
    EXPECT_THROW(done.get(), Error);
    return;
  }
  EXPECT_EQ(done.get(), 2);
}

TEST_F(PoolTest, ItRunsAgainOnlyOnce) {
  start(1);
  std::atomic<int> runs{0};
  const auto breaking = [&](Session&) {
    ++runs;
    throw kBroken;
  };
  EXPECT_EQ(errorOf(submit(Lane::listing, breaking)).code, Code::network);
  EXPECT_EQ(runs, 2);
  // A connection that breaks at once counts as one that could not be had: not at once again.
  while (outcomeOf(submit(Lane::listing)).error) poll(nullptr, 0, 10);
  EXPECT_EQ(errorOf(submit(Lane::listing, breaking)).code, Code::network);
  EXPECT_EQ(runs, 4);
}

// As Dovecot does when a mailbox is replaced while it is selected, as often as somebody replaces
// it.
TEST_F(PoolTest, AServerThatSaysByeInAMailboxIsNotAway) {
  const Error relogin{Code::network, Scope::connection, "it hung up", "please relogin"};
  start(2);
  std::atomic<int> runs{0};
  EXPECT_EQ(sessionOf(submit(Lane::listing,
                             [&](Session& session) {
                               session.examine("a");
                               if (++runs < 5) throw relogin;
                             })),
            4);
  EXPECT_EQ(runs, 5);
  EXPECT_FALSE(pool_->status().offline);
  // Not for ever.
  EXPECT_EQ(errorOf(submit(Lane::listing,
                           [&](Session& session) {
                             session.examine("a");
                             throw relogin;
                           }))
                .code,
            Code::network);
}

// Throttled, perhaps: who tries again and again makes it worse.
TEST_F(PoolTest, AServerThatAlwaysSaysByeInAMailboxIsLeftAloneForAWhile) {
  const Error throttled{Code::network, Scope::connection, "it hung up", "session invalidated"};
  start(1);
  const auto job = [&](const std::function<void(const Error&)>& failed) {
    Job again{Lane::background, "a", {}, failed, {}};
    again.run = [&](Session& session) {
      session.examine("a");
      throw throttled;
    };
    return again;
  };
  Gate failed;
  pool_->submit(job([&](const Error&) {
    pool_->submit(job({}));
    failed.open();
  }));
  failed.pass();
  EXPECT_TRUE(pool_->status().offline);
  EXPECT_GT(pool_->status().next_try, Milliseconds(0));
  EXPECT_EQ(opened_, 6);
}

TEST_F(PoolTest, AServerThatSaysByeToEverybodyIsAway) {
  const Error busy{Code::network, Scope::connection, "it hung up", "come back later"};
  start(2);
  std::atomic<int> runs{0};
  EXPECT_EQ(errorOf(submit(Lane::listing,
                           [&](Session&) {
                             ++runs;
                             throw busy;
                           }))
                .code,
            Code::network);
  EXPECT_EQ(runs, 2);
  EXPECT_TRUE(pool_->status().offline);
}

// It was cut together with the one that the job met first.
TEST_F(PoolTest, ARetryDoesNotTakeAConnectionThatWasAlreadyBeingMade) {
  Gate connecting, broken;
  on_open_ = [&](int number, const SessionOptions&) {
    if (number != 1) return;
    connecting.open();
    broken.pass();
  };
  start(2);
  Gate running, release;
  auto first = submit(Lane::listing, [&](Session& session) {
    if (numberOf(session) > 0) return;
    running.open();
    release.pass();
    throw kBroken;
  });
  running.pass();
  auto second = submit(Lane::watch);
  connecting.pass();
  release.open();
  while (pool_->status().queued[static_cast<size_t>(Lane::listing)] == 0) poll(nullptr, 0, 1);
  broken.open();
  EXPECT_EQ(sessionOf(std::move(first)), 2);
  sessionOf(std::move(second));
}

// Some servers let everybody in and then say BYE.
TEST_F(PoolTest, ConnectionsThatDieAtOnceAreNotOpenedAllTheTime) {
  start(3);
  std::atomic<int> runs{0};
  const std::function<void()> again = [&] {
    Job job;
    job.lane = Lane::watch;
    job.run = [&](Session&) {
      ++runs;
      throw kBroken;
    };
    job.failed = [&](const Error& error) {
      if (error.code != Code::cancelled) again();
    };
    pool_->submit(std::move(job));
  };
  again();
  while (runs < 3) poll(nullptr, 0, 10);
  poll(nullptr, 0, 500);
  EXPECT_LE(runs, 10);
  pool_->stop();
}

TEST_F(PoolTest, AServerThatAllowsNoMoreConnectionsFailsNoJob) {
  Gate tried;
  on_open_ = [&](int number, const SessionOptions&) {
    if (number == 0) return;
    if (number == 1) tried.open();
    throw Error(Code::network, Scope::connection, "BYE", "too many connections");
  };
  start(2);
  Gate running, release;
  auto first = submit(Lane::listing, [&](Session&) {
    running.open();
    release.pass();
  });
  running.pass();
  auto second = submit(Lane::listing);
  tried.pass();
  release.open();
  EXPECT_EQ(sessionOf(std::move(first)), 0);
  EXPECT_EQ(sessionOf(std::move(second)), 0);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(run(Lane::background, ""), 0);
}

TEST_F(PoolTest, ARetryThatGetsNoNewConnectionTakesAnOldOne) {
  Gate tried;
  on_open_ = [&](int number, const SessionOptions&) {
    if (number < 2) return;
    if (number == 2) tried.open();
    throw Error(Code::network, Scope::connection, "BYE", "too many connections");
  };
  start(2);
  connectAll(2);
  std::atomic<int> first{-1};
  const int second = sessionOf(submit(Lane::listing, [&](Session& session) {
    int none = -1;
    if (first.compare_exchange_strong(none, numberOf(session))) throw kBroken;
  }));
  tried.pass();
  EXPECT_EQ(second, 1 - first);
}

// A pause lasts for up to five minutes: who can work does so meanwhile.
TEST_F(PoolTest, ARetryDoesNotWaitForAPauseBesideAnIdleConnection) {
  on_open_ = [](int number, const SessionOptions&) {
    if (number >= 2) throw Error(Code::auth, Scope::account, "too many", "NO");  // long pauses
  };
  start(3);
  connectAll(2);
  refuseAnother();
  std::atomic<int> first{-1};
  const int last = sessionOf(submit(Lane::listing, [&](Session& session) {
    int none = -1;
    if (first.compare_exchange_strong(none, numberOf(session))) throw kBroken;
  }));
  EXPECT_EQ(last, 1 - first);
}

// With the third connection there is room for a second body, which one that is idle can fetch.
TEST_F(PoolTest, TheEndOfAPauseMakesRoomOnAnIdleConnection) {
  on_open_ = [](int number, const SessionOptions&) {
    if (number == 2) throw kBroken;
  };
  start(3);
  connectAll(2);
  refuseAnother();
  Gate running, release;
  auto first = submit(Lane::reading, [&](Session&) {
    running.open();
    release.pass();
  });
  running.pass();
  auto second = submit(Lane::reading);
  EXPECT_LT(sessionOf(std::move(second)), 2);
  release.open();
  sessionOf(std::move(first));
}

TEST_F(PoolTest, ADoubtIsNoFailureOfTheConnection) {
  start(2);
  EXPECT_EQ(sessionOf(submit(Lane::background,
                             [](Session& session) {
                               if (numberOf(session) == 0)
                                 throw Error(Code::stale, Scope::connection, "odd");
                             })),
            1);
  for (const auto& each : pool_->status().connections) EXPECT_EQ(each.pause.count(), 0);
}

}  // namespace
}  // namespace emlfs::imap
