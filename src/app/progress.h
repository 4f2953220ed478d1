// How far a long piece of work is, and how long it will take: values and text, no terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "emlfs/base/clock.h"

namespace emlfs::app {

// The rate of the last seconds, so that it follows what the network does now.
class Pace {
 public:
  // Bytes done so far, at moments that don't go back.
  void add(Clock::time_point now, uint64_t bytes);

  // Absent before something has moved, or a second has shown that nothing does.
  std::optional<double> bytesPerSecond() const;
  // Absent while nothing moves.
  std::optional<std::chrono::seconds> timeFor(uint64_t bytes) const;

 private:
  struct Moment {
    Clock::time_point at;
    uint64_t bytes;
  };
  std::deque<Moment> moments_;  // oldest first
};

struct Progress {
  uint64_t messages = 0;
  uint64_t messages_total = 0;
  uint64_t bytes = 0;
  uint64_t bytes_total = 0;
  std::optional<double> bytes_per_second;
  std::optional<std::chrono::seconds> left;
};

// "1,234/12,345 messages  45.2 MiB/1.2 GiB  3.4 MiB/s  5 min left"
std::string progressText(const Progress& progress);

// The same with a bar before it, at most `columns` wide: what doesn't fit is left out, the bar
// first, then from the end.
std::string progressLine(const Progress& progress, size_t columns);

// "5 min left": of a span that is an estimate, no more than its weightiest unit.
std::string timeLeft(std::chrono::seconds left);

}  // namespace emlfs::app
