// Keeps the cache synced, within `cache_size`, and off a disk that fills. A thread of its own, so
// that nobody who reads or writes waits for it. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>

#include "emlfs/base/clock.h"
#include "emlfs/base/mutex.h"
#include "emlfs/store/cache.h"

namespace emlfs {

struct DiskSpace {
  uint64_t free = 0;  // for this user, bytes
  uint64_t total = 0;
};
// Of the file system that holds `directory`. Throws Error(system).
DiskSpace diskSpace(const std::string& directory);

class Evictor {
 public:
  // The bodies may take `limit` bytes. `space` says what the disk under the cache has.
  Evictor(store::Cache& cache, uint64_t limit, std::function<DiskSpace()> space);
  ~Evictor() { stop(); }

  void start();
  void stop();  // ends an eviction that is under way within tens of milliseconds
  // Bodies were written: looks soon, but not more than once a second.
  void poke();
  uint64_t evictedBytes() const { return evicted_; }

 private:
  void loop();
  void check();
  void evict(uint64_t bytes);
  bool stopping() const;

  store::Cache& cache_;
  const uint64_t limit_;
  const std::function<DiskSpace()> space_;
  std::atomic<uint64_t> evicted_ = 0;
  mutable Mutex mutex_;
  Condition changed_;
  bool poked_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace emlfs
