#include "fs/invalidator.h"

#include <utility>

#include "emlfs/base/thread.h"

namespace emlfs::fs {

Invalidator::Invalidator(fuse_session* session)
    : session_(session), thread_(startThread("invalidator", [this] { loop(); })) {}

Invalidator::~Invalidator() {
  stop();
}

void Invalidator::stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Invalidator::push(const sync::TreeChange& change) {
  // At once, so that who got an error over a wrong size finds the right one when he looks again.
  // Attributes only: the data of a message never changes, and with a READ pending it would block.
  for (const auto node : change.attributes) fuse_lowlevel_notify_inval_inode(session_, node, -1, 0);
  {
    const MutexLock lock(mutex_);
    queue_.push_back(change);
  }
  changed_.notify_all();
}

void Invalidator::loop() {
  for (;;) {
    std::vector<sync::TreeChange> batch;
    {
      MutexLock lock(mutex_);
      while ((batch = takeReady()).empty() && !stopping_) changed_.wait(lock);
      if (stopping_) return;
    }
    for (const auto& change : batch) tell(change);
  }
}

std::vector<sync::TreeChange> Invalidator::takeReady() {
  std::vector<sync::TreeChange> ready;
  std::vector<sync::TreeChange> waiting;
  for (auto& change : queue_)
    (held_.count(change.directory) == 0 ? ready : waiting).push_back(std::move(change));
  queue_ = std::move(waiting);
  return ready;
}

void Invalidator::hold(MailboxId directory) {
  const MutexLock lock(mutex_);
  ++held_[directory];
}

void Invalidator::release(MailboxId directory) {
  {
    const MutexLock lock(mutex_);
    const auto at = held_.find(directory);
    if (at == held_.end() || --at->second > 0) return;
    held_.erase(at);
  }
  changed_.notify_all();
}

// The kernel answers ENOENT for what it has not cached: nothing to take back, nothing wrong.
void Invalidator::tell(const sync::TreeChange& change) {
  const fuse_ino_t directory = change.directory.value;
  // Taking back a name that the kernel has takes the cached listing back, too.
  bool listing_gone = !change.entries;
  for (const auto& gone : change.removed)
    listing_gone |= fuse_lowlevel_notify_delete(session_, directory, gone.node, gone.name.data(),
                                                gone.name.size()) == 0;
  // A new name may be cached as absent.
  const auto takeBack = [&](const std::string& name) {
    return fuse_lowlevel_notify_inval_entry(session_, directory, name.data(), name.size()) == 0;
  };
  for (const auto& name : change.added) listing_gone |= takeBack(name);
  if (!listing_gone && !change.kept.empty()) listing_gone = takeBack(change.kept);
  // Only if there is no other way: if a listing is just being read into the cache whose pages are
  // dropped, the kernel never caches one of this directory again.
  if (!listing_gone) fuse_lowlevel_notify_inval_inode(session_, directory, 0, 0);
}

}  // namespace emlfs::fs
