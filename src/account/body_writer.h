// Puts what was fetched into the store, off the path of the reader who waits for it. One
// transaction for all that came within a tenth of a second, and one sync in five seconds.
// Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "emlfs/base/clock.h"
#include "emlfs/base/error.h"
#include "emlfs/base/mutex.h"
#include "emlfs/store/cache.h"

namespace emlfs {

// A run of chunks of one body.
struct FetchedBody {
  MessageId id;
  unsigned version = 0;  // of the message
  uint32_t first_chunk = 0;
  std::vector<std::shared_ptr<const std::string>> chunks;
  // Where the last chunk ends the message: its real length.
  std::optional<uint64_t> size;
};

class BodyWriter {
 public:
  // Called with each body once it can be read from the store, or with the error if the store could
  // not take it (a full disk): then it is not cached.
  using Written = std::function<void(const FetchedBody&, const std::optional<Error>&)>;
  // Whether the message still has that version. Asked within a transaction.
  using Current = std::function<bool(MessageId, unsigned version)>;
  BodyWriter(store::Cache& cache, Current current, Written written);
  ~BodyWriter();  // writes what is queued

  // Waits while more than kQueueMax bytes are queued.
  void put(FetchedBody body);
  void stop();

 private:
  static constexpr size_t kQueueMax = 16 << 20;
  static constexpr size_t kBatch = 64;
  static constexpr Milliseconds kGather{100};
  // So long a loss of power may cost what is cached: a sync a batch would cost each reader time.
  static constexpr std::chrono::seconds kSyncAfter{5};

  void loop();
  void sync();
  void wait(MutexLock& lock, Clock::time_point until) REQUIRES(mutex_);
  std::optional<Error> write(const std::vector<FetchedBody>& batch);

  store::Cache& cache_;
  const Current current_;
  const Written written_;
  Mutex mutex_;
  Condition changed_;
  std::vector<FetchedBody> queue_ GUARDED_BY(mutex_);
  size_t queued_bytes_ GUARDED_BY(mutex_) = 0;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace emlfs
