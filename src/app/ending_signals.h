// Ending a command on ^C in good order.
#pragma once

#include <csignal>

#include "emlfs/base/file.h"

namespace emlfs::app {

// While it lives, the signals that end a program can be read here, except those that it was started
// to ignore (nohup). Make it before other threads.
class EndingSignals {
 public:
  EndingSignals();  // throws Error(system)
  EndingSignals(const EndingSignals&) = delete;
  EndingSignals& operator=(const EndingSignals&) = delete;
  ~EndingSignals();

  int fd() const { return fd_.get(); }
  // One that has arrived; 0 if none has.
  int take() const;
  // Dies of it, as without us: the shell sees 128 and its number, and ends a loop around us.
  [[noreturn]] void die(int signal);

 private:
  sigset_t before_{};
  Fd fd_;
};

}  // namespace emlfs::app
