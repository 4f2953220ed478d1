// Which connection takes which job, and how a pool ends.
#include "unit/pool_fixture.h"

namespace emlfs::imap {
namespace {

TEST_F(PoolTest, ConnectsWhenThereIsWorkAndKeepsTheConnection) {
  start(3);
  EXPECT_EQ(opened_, 0);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(run(Lane::listing, "a"), 0);
  EXPECT_EQ(opened_, 1);
}

TEST_F(PoolTest, RunAndWaitGivesTheResultOrThrowsIt) {
  start(1);
  int ran = 0;
  pool_->runAndWait(Lane::listing, "", [&](Session&) { ++ran; });
  EXPECT_EQ(ran, 1);
  try {
    pool_->runAndWait(Lane::listing, "", [](Session&) {
      throw Error(Code::refused, Scope::mailbox, "no", "NO [NONEXISTENT]");
    });
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, Code::refused);
    EXPECT_EQ(error.server, "NO [NONEXISTENT]");
  }
  EXPECT_EQ(opened_, 1);
}

TEST_F(PoolTest, AnotherExceptionIsASystemErrorAndEndsTheSession) {
  start(1);
  const Error error =
      errorOf(submit(Lane::listing, [](Session&) { throw std::runtime_error("surprise"); }));
  EXPECT_EQ(error.code, Code::system);
  EXPECT_EQ(error.scope, Scope::account);
  EXPECT_STREQ(error.what(), "surprise");
  EXPECT_EQ(run(Lane::listing, ""), 1);
}

TEST_F(PoolTest, OpensAnotherConnectionOnlyWhileTheOthersAreBusy) {
  start(3);
  Gate running, release;
  auto first = submit(Lane::listing, [&](Session&) {
    running.open();
    release.pass();
  });
  running.pass();
  EXPECT_EQ(run(Lane::listing, "b"), 1);
  EXPECT_EQ(run(Lane::listing, "c"), 1);
  release.open();
  EXPECT_EQ(sessionOf(std::move(first)), 0);
  EXPECT_EQ(opened_, 2);
}

TEST_F(PoolTest, PrefersTheConnectionThatHasTheMailbox) {
  start(2);
  std::latch together(2);
  const auto take = [&](const std::string& mailbox) {
    int number = -1;
    pool_->runAndWait(Lane::listing, mailbox, [&](Session& session) {
      session.examine(mailbox);
      number = numberOf(session);
      together.arrive_and_wait();
    });
    return number;
  };
  auto a = std::async(std::launch::async, take, "a");
  const int with_b = take("b");
  const int with_a = a.get();
  EXPECT_NE(with_a, with_b);
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(run(Lane::listing, "a"), with_a);
    EXPECT_EQ(run(Lane::listing, "b"), with_b);
  }
}

TEST_F(PoolTest, BodiesLeaveOneConnectionFree) {
  start(3);
  std::latch two(2);
  Gate release;
  std::atomic<int> running{0};
  std::vector<std::future<Outcome>> background;
  for (int i = 0; i < 5; ++i) {
    background.push_back(submit(i % 2 == 0 ? Lane::background : Lane::reading, [&](Session&) {
      if (++running <= 2) two.count_down();
      release.pass();
    }));
  }
  two.wait();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(run(Lane::listing, "f"), 2);
  EXPECT_EQ(running, 2);
  const auto queued = pool_->status().queued;
  EXPECT_EQ(
      queued[static_cast<size_t>(Lane::reading)] + queued[static_cast<size_t>(Lane::background)],
      3u);
  release.open();
  for (auto& each : background) sessionOf(std::move(each));
}

TEST_F(PoolTest, WatchingTakesHalfOfTheConnectionsAtMostAndLeavesAnOpenOne) {
  start(4);
  std::atomic<int> watching{0};
  std::latch two(2);
  std::vector<std::future<Outcome>> watchers;
  for (int i = 0; i < 3; ++i) {
    watchers.push_back(submit(Lane::watch, [&](Session& session) {
      if (++watching <= 2) two.count_down();
      session.listen(kPatience, true);
    }));
  }
  two.wait();
  const int session = run(Lane::listing, "");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(run(Lane::listing, ""), session);
  EXPECT_EQ(watching, 2);
  pool_->stop();
  for (auto& each : watchers) EXPECT_EQ(errorOf(std::move(each)).code, Code::cancelled);
}

TEST_F(PoolTest, WhoWatchesIsWokenWhereNothingElseIsLeft) {
  start(2);
  Gate watching, reading, release;
  auto watcher = submit(Lane::watch, [&](Session& session) {
    watching.open();
    EXPECT_TRUE(session.listen(kPatience, true).woken);
  });
  watching.pass();
  auto reader = submit(Lane::reading, [&](Session&) {
    reading.open();
    release.pass();
  });
  reading.pass();
  auto list = submit(Lane::listing);
  const int of_watcher = sessionOf(std::move(watcher));
  EXPECT_EQ(sessionOf(std::move(list)), of_watcher);
  release.open();
  sessionOf(std::move(reader));
}

TEST_F(PoolTest, OnASingleConnectionTheForegroundOvertakesTheBackground) {
  start(1);
  Gate running, release;
  auto first = submit(Lane::background, [&](Session&) {
    running.open();
    release.pass();
  });
  running.pass();
  std::vector<std::string> order;  // of the one connection's thread
  auto background = submit(Lane::background, [&](Session&) { order.push_back("background"); });
  auto foreground = submit(Lane::listing, [&](Session&) { order.push_back("foreground"); });
  release.open();
  sessionOf(std::move(background));
  sessionOf(std::move(foreground));
  EXPECT_EQ(order, (std::vector<std::string>{"foreground", "background"}));
}

TEST_F(PoolTest, StopFailsWhatIsQueuedAndInterruptsWhatRuns) {
  start(1);
  Gate running;
  auto runs = submit(Lane::listing, [&](Session& session) {
    running.open();
    session.noop();
  });
  running.pass();
  auto queued = submit(Lane::background);
  pool_->stop();
  EXPECT_EQ(errorOf(std::move(runs)).code, Code::cancelled);
  const Error error = errorOf(std::move(queued));
  EXPECT_EQ(error.code, Code::cancelled);
  EXPECT_EQ(error.scope, Scope::account);
  EXPECT_EQ(errorOf(submit(Lane::listing)).code, Code::cancelled);
  EXPECT_EQ(alive_, 0);
  pool_->stop();
}

TEST_F(PoolTest, StopEndsAnAttemptToConnect) {
  Gate trying;
  on_open_ = [&](int, const SessionOptions& options) {
    trying.open();
    pollfd waited{options.interrupt->fd(), POLLIN, 0};
    EXPECT_EQ(poll(&waited, 1, 10'000), 1);
    throw Error(Code::cancelled, Scope::connection, "interrupted");
  };
  start(2);
  auto job = submit(Lane::listing);
  trying.pass();
  pool_->stop();
  const Error error = errorOf(std::move(job));
  EXPECT_EQ(error.code, Code::cancelled);
  EXPECT_EQ(error.scope, Scope::account);
}

TEST_F(PoolTest, TellsWhatItsConnectionsDo) {
  start(2);
  Gate running, release;
  auto job = std::async(std::launch::async, [&] {
    pool_->runAndWait(Lane::listing, "inbox", [&](Session& session) {
      session.examine("inbox");
      running.open();
      release.pass();
    });
  });
  running.pass();
  std::vector<ConnectionStatus> status = pool_->status().connections;
  ASSERT_EQ(status.size(), 2u);
  if (!status[0].connected) std::swap(status[0], status[1]);
  EXPECT_TRUE(status[0].connected);
  EXPECT_TRUE(status[0].working);
  EXPECT_FALSE(status[1].connected);
  release.open();
  job.get();
  errorOf(submit(Lane::listing,
                 [](Session&) { throw Error(Code::refused, Scope::mailbox, "not this one"); }));
  status = pool_->status().connections;
  if (!status[0].connected) std::swap(status[0], status[1]);
  EXPECT_TRUE(status[0].connected);
  EXPECT_FALSE(status[0].working);
  EXPECT_FALSE(status[1].connected);
  EXPECT_EQ(status[0].selected, "inbox");
  EXPECT_EQ(status[0].last_error, "not this one");
}

TEST_F(PoolTest, ManyThreadsManyJobs) {
  start(4);
  std::atomic<int> ran{0};
  std::vector<std::future<void>> callers;
  for (int caller = 0; caller < 8; ++caller) {
    callers.push_back(std::async(std::launch::async, [&, caller] {
      for (int i = 0; i < 200; ++i) {
        pool_->runAndWait(i % 3 == 0 ? Lane::background : Lane::listing, std::to_string(caller % 3),
                          [&](Session&) { ++ran; });
      }
    }));
  }
  for (auto& each : callers) each.get();
  EXPECT_EQ(ran, 1600);
}

}  // namespace
}  // namespace emlfs::imap
