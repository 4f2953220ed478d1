// A pool whose sessions talk to nobody and do what a test tells them.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <future>
#include <latch>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "emlfs/base/error.h"
#include "emlfs/base/file.h"
#include "emlfs/imap/pool.h"
#include "imap/pool_internal.h"
#include "support/reading_session.h"

namespace emlfs::imap {

constexpr std::chrono::seconds kPatience{10};
inline const Error kBroken{Code::network, Scope::connection, "broken"};

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
  Selected examine(std::string_view wire, const std::optional<Known>&, const Next&) override {
    selected_ = wire;
    return {};
  }
  const std::string& selected() const override { return selected_; }
  UidValidity selectedValidity() const override { return 0; }
  void fetchMetadata(Uid, Uid, const std::function<void(MessageMeta&&)>&,
                     std::optional<UidRange>) override {}
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

inline int numberOf(Session& session) {
  return dynamic_cast<FakeSession&>(session).number;
}

class PoolTest : public testing::Test {
 protected:
  ~PoolTest() override {
    pool_.reset();
    EXPECT_EQ(alive_, 0);
  }

  void start(unsigned connections, Milliseconds timeout = kPatience) {
    SessionOptions options_of_all;
    options_of_all.endpoint.timeout = timeout;
    pool_ = createPool(options_of_all, connections, [this](const SessionOptions& options) {
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
    // The end of a job is told before its connection is idle.
    const auto working = [&] {
      return std::ranges::any_of(pool_->status().connections, &ConnectionStatus::working);
    };
    while (working()) poll(nullptr, 0, 1);
  }

  // Of three connections two are idle; the third is tried and, as on_open_ has to see to, refused.
  void refuseAnother() {
    std::latch together(3);
    std::vector<std::future<Outcome>> jobs;
    for (int i = 0; i < 2; ++i)
      jobs.push_back(submit(Lane::listing, [&](Session&) { together.arrive_and_wait(); }));
    while (pool_->status().queued[static_cast<size_t>(Lane::listing)] > 0) poll(nullptr, 0, 1);
    jobs.push_back(submit(Lane::listing));
    const auto refused = [&] {
      const auto status = pool_->status();
      return std::any_of(status.connections.begin(), status.connections.end(),
                         [](const auto& each) { return !each.last_error.empty(); });
    };
    while (!refused()) poll(nullptr, 0, 1);
    together.arrive_and_wait();
    for (auto& each : jobs) sessionOf(std::move(each));
  }

  std::atomic<int> opened_{0};
  std::atomic<int> alive_{0};
  std::function<void(int number, const SessionOptions&)> on_open_;  // may throw
  std::unique_ptr<Pool> pool_;
};

}  // namespace emlfs::imap
