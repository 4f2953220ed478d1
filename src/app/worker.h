// A process of ours that mounts one account in the foreground, as its parent sees it.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "app/run_each.h"
#include "emlfs/base/file.h"

namespace emlfs::app {

// Not thread-safe. Starts nothing while the caller has other threads.
class Worker {
 public:
  explicit Worker(Task task) : task_(std::move(task)) {}

  // `notify`: the address at which it is to say that it works, as in $NOTIFY_SOCKET. It ends when
  // its parent does. Throws Error(system).
  void start(const std::string& notify);
  // SIGTERM. Nothing happens if it has ended.
  void stop() const;

  const std::string& name() const { return task_.name; }
  bool running() const { return pid_ > 0; }
  pid_t pid() const { return pid_; }
  // Readable when it has said something, and when it has ended; -1 while it doesn't run.
  int speech() const { return errors_.get(); }
  int end() const { return process_.get(); }
  // Shows on standard error what it has said, with its name; a line that isn't whole waits.
  void relay();
  // It has ended: how, as waitpid(2) gives it.
  int reap();

 private:
  void say(bool all);

  Task task_;
  pid_t pid_ = 0;
  Fd process_;
  Fd errors_;
  std::string said_;
};

}  // namespace emlfs::app
