// A write into a mapped message is refused, but its pages stay as they were altered. They are given
// the message's bytes again, from a thread of its own: a handler that does it could wait for
// itself. Thread-safe.
#pragma once

#include <fuse_lowlevel.h>

#include <string>
#include <thread>
#include <vector>

#include "emlfs/account/account.h"
#include "emlfs/base/mutex.h"

namespace emlfs::fs {

class Mending {
 public:
  Mending(Account& account, fuse_session* session);
  ~Mending();
  void mend(MessageId id, uint64_t offset, uint32_t size);
  void stop();

 private:
  struct Page {
    MessageId id;
    uint64_t offset = 0;
    std::string bytes;
  };
  void loop();

  Account& account_;
  fuse_session* const session_;
  Mutex mutex_;
  Condition changed_;
  std::vector<Page> queue_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace emlfs::fs
