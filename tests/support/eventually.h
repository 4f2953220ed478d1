// Waits for what no event announces to a test: that a mount shows what happened on the server.
#pragma once

#include <poll.h>

#include <functional>

#include "emlfs/base/clock.h"

namespace emlfs::test {

// Asks until `condition` holds; false if it doesn't at the deadline.
inline bool eventually(const std::function<bool()>& condition,
                       Milliseconds limit = std::chrono::seconds(30)) {
  constexpr int kPause = 50;  // ms
  const Deadline deadline = Deadline::after(limit);
  while (!condition()) {
    if (deadline.passed()) return false;
    ::poll(nullptr, 0, kPause);
  }
  return true;
}

}  // namespace emlfs::test
