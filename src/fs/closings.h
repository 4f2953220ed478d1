// Hears when files of this mount that were open for writing are closed. The kernel doesn't tell the
// daemon, since it answers ENOSYS to OPEN; an inotify watch of the daemon on a directory of its own
// mount does. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "emlfs/account/account.h"
#include "emlfs/base/file.h"
#include "emlfs/base/mutex.h"

namespace emlfs::fs {

class Closings {
 public:
  // `account` has changes(), which are told.
  Closings(Account& account, std::string mount_point);
  // To be destroyed when the mount answers no more, or else a watch that is being made would wait
  // for an answer.
  ~Closings();

  // Runs `then` once closings in this directory are heard: on this thread, or on another that may
  // wait for the kernel, which asks us about the path. A handler must not.
  void whenHeard(MailboxId directory, std::function<void()> then);
  // Tells of all closings that have happened.
  void drain();
  void stop();  // hears nothing any more

 private:
  void loop();
  // False: there can be no thread for it now.
  bool startWatching(MailboxId directory) REQUIRES(mutex_);
  void watch(MailboxId directory);
  bool addWatch(MailboxId directory);
  void reap();

  Account& account_;
  const std::string mount_point_;
  const Fd inotify_;
  Event stop_;
  Mutex reading_;  // held while what was read is told: after drain() all has been
  Mutex mutex_;
  std::map<int, MailboxId> directories_ GUARDED_BY(mutex_);  // by watch
  std::map<MailboxId, bool> heard_ GUARDED_BY(mutex_);       // false: the watch is being made
  std::map<MailboxId, std::vector<std::function<void()>>> waiting_ GUARDED_BY(mutex_);
  // One for each watch that is being made: those below a directory wait for those above it.
  std::map<MailboxId, std::thread> watching_ GUARDED_BY(mutex_);
  std::vector<MailboxId> watched_ GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace emlfs::fs
