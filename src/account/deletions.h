// Notices when very much is deleted at once, which may be a mistake. Thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "emlfs/base/clock.h"
#include "emlfs/base/mutex.h"

namespace emlfs {

class Deletions {
 public:
  static constexpr uint64_t kMany = 1'000;          // more than these
  static constexpr Milliseconds kWithin{60'000};    // within this
  static constexpr Milliseconds kTold{5 * 60'000};  // for so long afterwards it is told

  struct Burst {
    uint64_t count = 0;  // since it began
    Clock::time_point last;
  };

  // True if a burst begins with this one: once for each.
  bool add(Clock::time_point now);
  std::optional<Burst> burst(Clock::time_point now) const;

 private:
  // By the second, since a burst may be of a million.
  struct Second {
    Clock::time_point from;
    uint64_t count = 0;
  };
  mutable Mutex mutex_;
  std::deque<Second> seconds_ GUARDED_BY(mutex_);
  uint64_t within_ GUARDED_BY(mutex_) = 0;  // sum of seconds_
  std::optional<Burst> burst_ GUARDED_BY(mutex_);
};

}  // namespace emlfs
