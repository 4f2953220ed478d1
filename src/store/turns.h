// Lets writers of this process go before one that writes much in many transactions: LMDB's lock is
// not fair, and whoever gives it back gets it again. Thread-safe.
#pragma once

#include "emlfs/base/clock.h"
#include "emlfs/base/mutex.h"

namespace emlfs::store {

class Turns {
 public:
  // Somebody waits for the lock, for the lifetime.
  class Waiting {
   public:
    explicit Waiting(Turns& turns) : turns_(turns) { turns_.change(1); }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    ~Waiting() { turns_.change(-1); }

   private:
    Turns& turns_;
  };

  // Until all who waited have got the lock; not for ever, since they may never end.
  void letOthers() EXCLUDES(mutex_) {
    const Deadline deadline = Deadline::after(kLongest);
    MutexLock lock(mutex_);
    while (waiting_ > 0 && !deadline.passed()) changed_.wait_until(lock, deadline.at());
  }

 private:
  static constexpr Milliseconds kLongest{100};

  void change(int by) EXCLUDES(mutex_) {
    {
      const MutexLock lock(mutex_);
      waiting_ += by;
    }
    changed_.notify_all();
  }

  Mutex mutex_;
  Condition changed_;
  int waiting_ GUARDED_BY(mutex_) = 0;
};

}  // namespace emlfs::store
