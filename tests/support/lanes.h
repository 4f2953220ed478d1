// Many pieces of work on a few threads, each of which has what it needs (a server, a mount) to
// itself.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include "support/soak.h"

namespace emlfs::test {

// Calls `make` once on each thread, and what it gives with each index below `count`. Ends early
// after a failure of the test; what is thrown is one.
inline void inLanes(size_t count, const std::function<std::function<void(size_t)>()>& make) {
  std::atomic<size_t> next{0};
  std::vector<std::jthread> threads;
  for (size_t i = 0; i < std::min(lanes(), count); ++i) {
    threads.emplace_back([&] {
      try {
        const auto work = make();
        for (size_t mine = 0; !testing::Test::HasFailure() && (mine = next++) < count;) work(mine);
      } catch (const std::exception& failure) {
        ADD_FAILURE() << failure.what();
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

// `count` numbers from 1 to `length`, in order and evenly spread; all of them if `every`.
template <class Random>
std::vector<uint64_t> spread(uint64_t length, uint64_t count, bool every, Random& random) {
  if (every || count > length) count = length;
  std::vector<uint64_t> numbers;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t first = i * length / count;
    const uint64_t next = std::max((i + 1) * length / count, first + 1);
    numbers.push_back(1 + first + random() % (next - first));
  }
  return numbers;
}

}  // namespace emlfs::test
