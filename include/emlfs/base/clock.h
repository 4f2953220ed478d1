// Deadlines on the monotonic clock.
#pragma once

#include <chrono>

namespace emlfs {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

// A moment after which a wait gives up. A value; cheap to copy.
class Deadline {
 public:
  static Deadline after(Milliseconds duration) { return Deadline(Clock::now() + duration); }
  static Deadline at(Clock::time_point moment) { return Deadline(moment); }

  bool passed() const { return Clock::now() >= at_; }
  // For poll(2): milliseconds left, rounded up, at least 0.
  int pollTimeout() const;
  Clock::time_point at() const { return at_; }

 private:
  explicit Deadline(Clock::time_point at) : at_(at) {}
  Clock::time_point at_;
};

}  // namespace emlfs
