// A program that a test starts, signals and times. What it says goes nowhere.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "emlfs/base/clock.h"
#include "emlfs/base/file.h"

namespace emlfs::test {

// Killed and reaped on destruction. Not thread-safe.
class Running {
 public:
  // The program is looked up in PATH. Throws Error(system).
  explicit Running(const std::vector<std::string>& command);
  ~Running();
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  pid_t pid() const { return pid_; }
  void signal(int number) const;
  // Exit status, or 128 + the signal that ended it; absent if it still runs after `limit`.
  std::optional<int> wait(Milliseconds limit);

 private:
  pid_t pid_ = -1;
  Fd process_;  // a pidfd
  std::optional<int> status_;
};

// As a process does that waits for a page of a file.
bool sleepsUninterruptibly(pid_t pid);

// Processor time that a process has used so far, its own and the kernel's for it.
Milliseconds processorTime(pid_t pid);

}  // namespace emlfs::test
