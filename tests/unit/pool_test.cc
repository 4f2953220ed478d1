#include "emlfs/imap/pool.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <future>
#include <latch>
#include <optional>
#include <stdexcept>

#include "emlfs/base/file.h"
#include "emlfs/base/mutex.h"
#include "imap/pool_internal.h"
#include "support/reading_session.h"

namespace emlfs::imap {
namespace {

constexpr std::chrono::seconds kPatience{10};
const Error kBroken{Code::network, Scope::connection, "broken"};

// A gate that a test opens, or that a job opens for the test.
class Gate {
 public:
  void open() { promise_.set_value(); }
  void pass() {
    if (future_.wait_for(kPatience) != std::future_status::ready) throw std::runtime_error("stuck");
  }

 private:
  std::promise<void> promise_;
  std::shared_future<void> future_ = promise_.get_future().share();
};

class FakeSession : public test::ReadingSession {
 public:
  FakeSession(int opened, std::atomic<int>& alive) : number(opened), alive_(alive) { ++alive_; }
  ~FakeSession() override { --alive_; }

  const Capabilities& capabilities() const override { return capabilities_; }
  std::string tlsVersion() const override { return {}; }
  std::string greeting() const override { return {}; }
  std::vector<Namespace> namespaces() override { return {}; }
  std::vector<ListEntry> list(const std::vector<Namespace>&) override { return {}; }
  MailboxStatus status(std::string_view) override { return {}; }
  Selected examine(std::string_view wire, const std::optional<Known>&) override {
    selected_ = wire;
    return {};
  }
  const std::string& selected() const override { return selected_; }
  UidValidity selectedValidity() const override { return 0; }
  void fetchMetadata(Uid, Uid, const std::function<void(MessageMeta&&)>&) override {}
  void fetchFlags(Uid, Uid, ModSeq, const std::function<void(FlagChange&&)>&) override {}
  UidSet searchUids(Uid, Uid) override { return {}; }
  BodyPiece fetchBody(Uid, uint64_t, uint32_t) override { return {}; }
  // Waits until somebody interrupts.
  void noop() override {
    pollfd waited{interrupted_.fd(), POLLIN, 0};
    if (poll(&waited, 1, 10'000) == 1)
      throw Error(Code::cancelled, Scope::connection, "interrupted");
  }
  Push notify() override { return {}; }
  // Waits until somebody wakes it or interrupts.
  Push listen(Milliseconds, bool) override {
    pollfd waited[]{{interrupted_.fd(), POLLIN, 0}, {woken_.fd(), POLLIN, 0}};
    if (poll(waited, 2, 10'000) < 1) throw std::runtime_error("stuck");
    if (waited[0].revents != 0) throw Error(Code::cancelled, Scope::connection, "interrupted");
    Push push;
    push.woken = woken_.clear();
    return push;
  }
  void wake() noexcept override { woken_.signal(); }
  void interrupt() noexcept override { interrupted_.signal(); }

  const int number;  // 0 for the first

 private:
  std::atomic<int>& alive_;
  Capabilities capabilities_;
  std::string selected_;
  Event interrupted_;
  Event woken_;
};

int numberOf(Session& session) {
  return dynamic_cast<FakeSession&>(session).number;
}

class PoolTest : public testing::Test {
 protected:
  ~PoolTest() override {
    pool_.reset();
    EXPECT_EQ(alive_, 0);
  }

  void start(unsigned connections) {
    pool_ = createPool({}, connections, [this](const SessionOptions& options) {
      const int number = opened_++;
      if (on_open_) on_open_(number, options);
      return std::make_unique<FakeSession>(number, alive_);
    });
  }

  struct Outcome {
    int session = -1;
    std::optional<Error> error;
  };

  std::future<Outcome> submit(Lane lane, std::function<void(Session&)> run = {}) {
    auto done = std::make_shared<std::promise<Outcome>>();
    Job job{lane, "", {}, {}, {}};
    job.run = [done, run = std::move(run)](Session& session) {
      const int number = numberOf(session);
      if (run) run(session);
      done->set_value({number, {}});
    };
    job.failed = [done](const Error& error) {
      // With a text of its own, as in the pool.
      done->set_value(
          {-1, Error(error.code, error.scope, std::string(error.what()), error.server)});
    };
    pool_->submit(std::move(job));
    return done->get_future();
  }

  // Submits and waits; the number of the session.
  int run(Lane lane, const std::string& mailbox) {
    int number = -1;
    pool_->runAndWait(lane, mailbox, [&](Session& session) {
      if (!mailbox.empty()) session.examine(mailbox);
      number = numberOf(session);
    });
    return number;
  }

  static Outcome outcomeOf(std::future<Outcome> result) {
    if (result.wait_for(kPatience) == std::future_status::ready) return result.get();
    ADD_FAILURE() << "the job did not end";
    return {};
  }
  static int sessionOf(std::future<Outcome> result) {
    const Outcome outcome = outcomeOf(std::move(result));
    if (outcome.error) ADD_FAILURE() << outcome.error->what();
    return outcome.session;
  }
  static Error errorOf(std::future<Outcome> result) {
    const Outcome outcome = outcomeOf(std::move(result));
    if (outcome.error) return *outcome.error;
    ADD_FAILURE() << "ran on session " << outcome.session;
    return {Code::system, Scope::message, "none"};
  }

  // `count` sessions, all idle.
  void connectAll(int count) {
    std::latch together(count);
    std::vector<std::future<Outcome>> jobs;
    for (int i = 0; i < count; ++i) {
      jobs.push_back(submit(Lane::listing, [&](Session&) { together.arrive_and_wait(); }));
    }
    for (auto& each : jobs) sessionOf(std::move(each));
    EXPECT_EQ(opened_, count);
  }

  std::atomic<int> opened_{0};
  std::atomic<int> alive_{0};
  std::function<void(int number, const SessionOptions&)> on_open_;  // may throw
  std::unique_ptr<Pool> pool_;
};

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

TEST_F(PoolTest, AnAttemptThatMeetsSilenceIsNotRepeatedForTheSameJob) {
  on_open_ = [](int, const SessionOptions&) {
    throw Error(Code::timeout, Scope::connection, "silent");
  };
  start(2);
  EXPECT_EQ(errorOf(submit(Lane::listing)).code, Code::timeout);
  EXPECT_EQ(opened_, 1);
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
