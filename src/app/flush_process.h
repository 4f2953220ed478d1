// A flush of a mount, in a process of its own: it can be given up at any moment, and leaves nothing
// open in the mount then.
#pragma once

#include <sys/types.h>

#include <string>

#include "emlfs/base/file.h"

namespace emlfs::app {

class FlushProcess {
 public:
  // Throws Error(system). To be made while the process has one thread.
  explicit FlushProcess(const std::string& mount_point);
  ~FlushProcess();  // gives it up
  FlushProcess(const FlushProcess&) = delete;
  FlushProcess& operator=(const FlushProcess&) = delete;

  int fd() const { return result_.get(); }  // can be read when it is over
  // Waits for that. Gives errno, or 0 if the server has everything.
  int result();

 private:
  pid_t process_ = -1;
  Fd result_;
};

}  // namespace emlfs::app
