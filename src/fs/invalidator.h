// Tells the kernel what is no longer so. A thread of its own, which holds no lock and no
// transaction while it does: a notification may wait for requests that are being answered.
#pragma once

#include <fuse_lowlevel.h>

#include <thread>
#include <unordered_map>
#include <vector>

#include "emlfs/base/mutex.h"
#include "emlfs/sync/tree_change.h"

namespace emlfs::fs {

class Invalidator {
 public:
  explicit Invalidator(fuse_session* session);
  ~Invalidator();  // drops what is queued

  // Attributes are told at once, for that waits for nothing; so call with no lock and no
  // transaction held. The rest is told later.
  void push(const sync::TreeChange& change);
  void stop();

  // A LOOKUP or READDIR in this directory waits for the network, and the kernel holds the
  // directory's lock as long: names in it are told when it has ended, so that other directories'
  // need not wait.
  void hold(MailboxId directory);
  void release(MailboxId directory);

 private:
  void loop();
  std::vector<sync::TreeChange> takeReady() REQUIRES(mutex_);
  void tell(const sync::TreeChange& change);

  fuse_session* const session_;
  Mutex mutex_;
  Condition changed_;
  std::vector<sync::TreeChange> queue_ GUARDED_BY(mutex_);
  std::unordered_map<MailboxId, unsigned> held_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace emlfs::fs
