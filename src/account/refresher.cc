#include "account/refresher.h"

#include <algorithm>
#include <utility>

#include "emlfs/base/thread.h"

namespace emlfs {
namespace {

// How often looking at directories may ask the server. An account that takes long to answer is
// asked less often: at most a tenth of the time goes into it.
constexpr Milliseconds kLookedAtMin{5'000};
constexpr int kTimesDuration = 10;
constexpr Milliseconds kDoubtedMin{1'000};

}  // namespace

Refresher::Refresher(Milliseconds poll, Refresh refresh)
    : poll_(poll), refresh_(std::move(refresh)), interval_(poll), began_(Clock::now()) {}

void Refresher::start() {
  thread_ = startThread("refresher", [this] { loop(); });
}

void Refresher::stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Refresher::lookedAt() {
  {
    const MutexLock lock(mutex_);
    if (looked_at_) return;
    looked_at_ = true;
  }
  changed_.notify_all();
}

void Refresher::doubted() {
  {
    const MutexLock lock(mutex_);
    if (doubted_) return;
    doubted_ = true;
  }
  changed_.notify_all();
}

Clock::time_point Refresher::due() const {
  if (doubted_) return began_ + std::min(kDoubtedMin, poll_);
  const Clock::duration soon =
      std::max<Clock::duration>(std::min(kLookedAtMin, poll_), took_ * kTimesDuration);
  return began_ + (looked_at_ ? std::min<Clock::duration>(soon, interval_) : interval_);
}

void Refresher::loop() {
  MutexLock lock(mutex_);
  while (!stopping_) {
    if (running_) {
      changed_.wait(lock);
    } else if (Clock::now() < due()) {
      changed_.wait_until(lock, due());
    } else {
      running_ = true;
      interval_ = std::chrono::duration_cast<Clock::duration>(poll_ * jitter());
      looked_at_ = doubted_ = false;
      began_ = Clock::now();
      lock.unlock();
      refresh_([this] {
        {
          const MutexLock finished(mutex_);
          running_ = false;
          took_ = Clock::now() - began_;
        }
        changed_.notify_all();
      });
      lock.lock();
    }
  }
}

}  // namespace emlfs
