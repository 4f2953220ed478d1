// When the entries of a directory last changed: its mtime, by which programs and the kernel judge
// whether a listing that they have is still good. So no two changes have the same.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstdint>

namespace emlfs::sync {

// Nanoseconds since 1970, later than `last`.
inline int64_t changeTime(int64_t last) {
  constexpr int64_t kSecond = 1'000'000'000;
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return std::max(now.tv_sec * kSecond + now.tv_nsec, last + 1);
}

}  // namespace emlfs::sync
