// What happens at each fdatasync(2) of this process, LMDB's among them.
#pragma once

#include <functional>

namespace emlfs::test {

// For its lifetime: called before the real one, which isn't called if this returns an errno. One at
// a time.
class SyncHook {
 public:
  explicit SyncHook(std::function<int()> hook);
  SyncHook(const SyncHook&) = delete;
  SyncHook& operator=(const SyncHook&) = delete;
  ~SyncHook();
};

}  // namespace emlfs::test
