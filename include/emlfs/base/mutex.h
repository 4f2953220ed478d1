// std::mutex with clang's capability annotations, so that -Wthread-safety checks who holds what.
#pragma once

#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define EMLFS_TS(x) __attribute__((x))
#else
#define EMLFS_TS(x)
#endif
#define GUARDED_BY(m) EMLFS_TS(guarded_by(m))
#define REQUIRES(...) EMLFS_TS(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) EMLFS_TS(locks_excluded(__VA_ARGS__))

namespace emlfs {

class EMLFS_TS(capability("mutex")) Mutex {
 public:
  void lock() EMLFS_TS(acquire_capability()) { mutex_.lock(); }
  void unlock() EMLFS_TS(release_capability()) { mutex_.unlock(); }
  bool tryLock() EMLFS_TS(try_acquire_capability(true)) { return mutex_.try_lock(); }

 private:
  std::mutex mutex_;
};

// Locks for its lifetime; lock() and unlock() in between make it fit std::condition_variable_any.
class EMLFS_TS(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) EMLFS_TS(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_.lock();
  }
  ~MutexLock() EMLFS_TS(release_capability()) {
    if (held_) mutex_.unlock();
  }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

  void lock() EMLFS_TS(acquire_capability()) {
    mutex_.lock();
    held_ = true;
  }
  void unlock() EMLFS_TS(release_capability()) {
    held_ = false;
    mutex_.unlock();
  }

 private:
  Mutex& mutex_;
  bool held_ = true;
};

using Condition = std::condition_variable_any;

}  // namespace emlfs
