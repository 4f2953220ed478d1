// Asks the server every now and then what changed: every `poll`, and soon after somebody has looked
// at a directory. One LIST-STATUS answers for all mailboxes. Thread-safe.
#pragma once

#include <functional>
#include <random>
#include <thread>

#include "emlfs/base/clock.h"
#include "emlfs/base/mutex.h"

namespace emlfs {

class Refresher {
 public:
  // `refresh` submits the question and calls `finished` when it has been answered or has failed.
  using Refresh = std::function<void(std::function<void()> finished)>;
  Refresher(Milliseconds poll, Refresh refresh);
  ~Refresher() { stop(); }

  void start();
  void stop();
  // What was believed of the list has proved wrong: a refresh as soon as may be.
  void doubted();
  // A refresh soon, if the last one began long enough ago for that to be no burden on the server.
  void lookedAt();

 private:
  void loop();
  Clock::time_point due() const REQUIRES(mutex_);
  double jitter() REQUIRES(mutex_) {
    return std::uniform_real_distribution<double>(0.9, 1.1)(random_);
  }

  const Milliseconds poll_;
  const Refresh refresh_;
  Mutex mutex_;
  Condition changed_;
  std::minstd_rand random_ GUARDED_BY(mutex_){std::random_device{}()};
  Clock::duration interval_ GUARDED_BY(mutex_);
  Clock::time_point began_ GUARDED_BY(mutex_);
  Clock::duration took_ GUARDED_BY(mutex_){};
  bool running_ GUARDED_BY(mutex_) = false;
  bool looked_at_ GUARDED_BY(mutex_) = false;
  bool doubted_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace emlfs
