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

  enum class Fate { hidden, in_trash, for_good };

  // By what became of them.
  struct Counts {
    uint64_t hidden = 0;
    uint64_t in_trash = 0;
    uint64_t for_good = 0;

    uint64_t all() const { return hidden + in_trash + for_good; }
    uint64_t& of(Fate fate);
  };

  struct Burst : Counts {  // since it began
    Clock::time_point last;
  };

  // The burst that begins with this deletion: once for each.
  std::optional<Burst> add(Clock::time_point now, Fate fate);
  std::optional<Burst> burst(Clock::time_point now) const;

 private:
  // By the second, since a burst may be of a million.
  struct Second {
    Clock::time_point from;
    Counts counts;
  };
  mutable Mutex mutex_;
  std::deque<Second> seconds_ GUARDED_BY(mutex_);
  std::optional<Burst> burst_ GUARDED_BY(mutex_);
};

}  // namespace emlfs
