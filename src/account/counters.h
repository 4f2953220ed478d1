// What `emlfs status` counts besides the traffic. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <ctime>
#include <deque>
#include <string>
#include <vector>

#include "emlfs/base/mutex.h"

namespace emlfs {

struct Counters {
  std::atomic<uint64_t> hits{0};         // reads answered from the cache
  std::atomic<uint64_t> misses{0};       // reads that had to wait for the server
  std::atomic<uint64_t> ahead_bytes{0};  // of bodies that came before somebody asked for them
};

// The last few failures, newest last.
class ErrorLog {
 public:
  struct Entry {
    std::time_t time = 0;  // of the last time
    std::string text;
    uint64_t count = 1;  // how often without another in between
  };
  void add(std::string text) {
    const MutexLock lock(mutex_);
    if (!entries_.empty() && entries_.back().text == text) {
      entries_.back().time = std::time(nullptr);
      ++entries_.back().count;
      return;
    }
    entries_.push_back({std::time(nullptr), std::move(text)});
    if (entries_.size() > kKept) entries_.pop_front();
  }
  std::vector<Entry> entries() const {
    const MutexLock lock(mutex_);
    return {entries_.begin(), entries_.end()};
  }

 private:
  static constexpr size_t kKept = 10;
  mutable Mutex mutex_;
  std::deque<Entry> entries_ GUARDED_BY(mutex_);
};

}  // namespace emlfs
