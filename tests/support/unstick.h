// A daemon that is killed while it tells the kernel of a change can be waiting there for a process
// that waits for the daemon's answer. Then neither ends, and no signal helps, until somebody takes
// the mount away with force, as `emlfs umount` does.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "emlfs/base/file.h"

namespace emlfs::test {

// What the kernel says of a process: 'Z' if it has ended but for threads that can't.
char stateOf(const Fd& process);

// Lets go whoever waits for the daemon of a mount. Only root can do that; others do nothing.
void letGo(const std::string& mount_point);

// Does it as soon as the daemon has been dead for a second, for as long as this lives.
class Unstick {
 public:
  Unstick(const Fd& process, std::string mount_point);

 private:
  std::mutex mutex_;
  std::condition_variable_any over_;
  std::jthread watch_;
};

}  // namespace emlfs::test
