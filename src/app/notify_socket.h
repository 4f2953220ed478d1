// The other side of sd_notify(3): hears which of our processes work.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "emlfs/base/file.h"

namespace emlfs::app {

class NotifySocket {
 public:
  NotifySocket();  // throws Error(system)

  int fd() const { return socket_.get(); }
  const std::string& address() const { return address_; }  // for $NOTIFY_SOCKET

  struct Note {
    pid_t from = 0;  // as the kernel says
    bool ready = false;
  };
  // The next one; absent if none has come.
  std::optional<Note> take();

 private:
  Fd socket_;
  std::string address_;
};

}  // namespace emlfs::app
