// One direction of a proxied connection: a queue whose bytes become due after the delay of the
// line. As many bytes are under way at once as the line holds, so delay costs no throughput.
// Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "emlfs/base/clock.h"

namespace emlfs::test {

// What all connections share in one direction.
struct Line {
  Milliseconds delay{0};          // one way
  uint64_t bytes_per_second = 0;  // 0: as fast as it goes
  Clock::time_point free_at{};    // when the line has sent all that was given to it
};

class Link {
 public:
  // No byte is due before `usable_from`: the time that a real connection takes to be set up.
  explicit Link(Clock::time_point usable_from) : usable_from_(usable_from) {}

  // How much may be read now: what keeps the line busy, and no more.
  size_t room(const Line& line) const;

  void put(std::string_view bytes, Line& line, Clock::time_point now);
  void putEnd(const Line& line, Clock::time_point now);

  // The bytes at the front that are due; empty if there are none, or only the end is.
  std::string_view due(Clock::time_point now) const;
  bool endDue(Clock::time_point now) const;
  void consume(size_t count);

  bool empty() const { return queue_.empty(); }
  Clock::time_point nextDue() const { return queue_.front().due; }  // not if empty

 private:
  struct Piece {
    Clock::time_point due;
    std::string bytes;  // empty: the end of the stream
  };
  Clock::time_point usable_from_;
  std::deque<Piece> queue_;
  size_t queued_ = 0;
  size_t consumed_ = 0;  // of the first piece
};

}  // namespace emlfs::test
