// How long a server may take to answer. What comes buys time, so that a slow line is waited for; a
// server that only keeps us waiting, with a byte now and then or with "* OK still here", is not. A
// value; not thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "emlfs/base/clock.h"

namespace emlfs::imap {

class Patience {
 public:
  explicit Patience(Milliseconds timeout) : timeout_(timeout) {}

  // A command begins.
  void begin() {
    began_ = Clock::now();
    useful_bytes_ = 0;
  }
  void came(uint64_t bytes) { useful_bytes_ += bytes; }
  // Of what came, this many bytes say nothing.
  void wasted(uint64_t bytes) { useful_bytes_ -= std::min(bytes, useful_bytes_); }
  // We were not waiting for the server.
  void excuse(Clock::duration held_back) {
    began_ += held_back;
    if (bound_) bound_ = Deadline::at(bound_->at() + held_back);
  }
  // What came since begin() is worth less than the time that it took.
  bool isOver() const { return Clock::now() > worthUntil(); }
  // All commands until then end by then; absent: no such bound.
  void boundAll(std::optional<Deadline> bound) { bound_ = bound; }

  // For the next wait: `timeout` of silence at most, and no later than what came is worth.
  Deadline deadline() const {
    const auto at = std::min(Clock::now() + timeout_, worthUntil());
    return Deadline::at(bound_ ? std::min(at, bound_->at()) : at);
  }

 private:
  // Half of what the slowest line brings that is still to be of use.
  static constexpr uint64_t kBytesPerSecond = 500;
  Clock::time_point worthUntil() const {
    return began_ + timeout_ + Milliseconds(useful_bytes_ * 1000 / kBytesPerSecond);
  }

  Milliseconds timeout_;
  Clock::time_point began_ = Clock::now();
  uint64_t useful_bytes_ = 0;
  std::optional<Deadline> bound_;
};

}  // namespace emlfs::imap
