#include "emlfs/base/clock.h"

#include <algorithm>
#include <limits>

namespace emlfs {

int Deadline::pollTimeout() const {
  const auto left = std::chrono::ceil<Milliseconds>(at_ - Clock::now()).count();
  return static_cast<int>(std::clamp<long long>(left, 0, std::numeric_limits<int>::max()));
}

}  // namespace emlfs
