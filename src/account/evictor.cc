#include "account/evictor.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <utility>

#include "emlfs/base/error.h"
#include "emlfs/base/log.h"
#include "emlfs/base/thread.h"

namespace emlfs {
namespace {

constexpr Milliseconds kLeastPause{1'000};
constexpr Milliseconds kLongestPause{60'000};
// After how long an error that stays is said again.
constexpr Milliseconds kRepeatError{600'000};
// What a disk keeps free for others at least, and what the cache's file then keeps free in itself,
// so that new bodies find room there.
constexpr uint64_t kSpare = 64 << 20;

}  // namespace

DiskSpace diskSpace(const std::string& directory) {
  struct statvfs disk{};
  if (::statvfs(directory.c_str(), &disk) != 0)
    throw systemError("looking at the disk under " + directory, errno);
  return {.free = uint64_t{disk.f_bavail} * disk.f_frsize,
          .total = uint64_t{disk.f_blocks} * disk.f_frsize};
}

Evictor::Evictor(store::Cache& cache, uint64_t limit, std::function<DiskSpace()> space)
    : cache_(cache), limit_(limit), space_(std::move(space)) {}

void Evictor::start() {
  thread_ = startThread("evictor", [this] { loop(); });
}

void Evictor::stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Evictor::poke() {
  {
    const MutexLock lock(mutex_);
    if (poked_) return;
    poked_ = true;
  }
  changed_.notify_all();
}

bool Evictor::stopping() const {
  const MutexLock lock(mutex_);
  return stopping_;
}

void Evictor::loop() {
  std::string last_error;
  Clock::time_point said{};
  for (;;) {
    try {
      check();
      last_error.clear();
    } catch (const std::exception& error) {
      if (error.what() != last_error || Clock::now() - said > kRepeatError) {
        log::warning("the cache can't be kept within its bounds: {}", error.what());
        last_error = error.what();
        said = Clock::now();
      }
    }
    const auto looked = Clock::now();
    MutexLock lock(mutex_);
    for (;;) {
      const auto due = looked + (poked_ ? kLeastPause : kLongestPause);
      if (stopping_) return;
      if (Clock::now() >= due) break;
      changed_.wait_until(lock, due);
    }
    poked_ = false;
  }
}

void Evictor::check() {
  cache_.noteUses();
  cache_.sync();
  store::CacheSize size = cache_.size();
  if (size.body_bytes > limit_) {
    evict(limit_ - limit_ / 10);  // far enough not to be at it all the time
    size = cache_.size();
  }
  const DiskSpace disk = space_();
  if (disk.free >= std::max(disk.total / 100, kSpare)) return;
  const uint64_t room = size.body_bytes + size.free_bytes;
  const uint64_t spare = std::min(kSpare, room / 2);  // of a small cache, not all
  if (size.free_bytes < spare / 2) evict(room - spare);
}

void Evictor::evict(uint64_t bytes) {
  evicted_ += cache_.evict(bytes, [this] { return !stopping(); });
}

}  // namespace emlfs
