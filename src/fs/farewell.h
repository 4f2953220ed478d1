// The end of a mount: signals that end it, and the last try to send what is pending. A signal
// leaves the mount working until that is over; a second one, or unmounting it, ends it at once.
#pragma once

#include <pthread.h>

#include <atomic>
#include <functional>
#include <thread>

#include "emlfs/account/account.h"
#include "emlfs/base/clock.h"
#include "emlfs/base/file.h"

namespace emlfs::fs {

// One at a time in a process, made and destroyed by the main thread.
class Farewell {
 public:
  // Handles SIGTERM, SIGINT and SIGHUP, except those that are ignored. `exit`: tells the loop that
  // the main thread runs to end; it sees that when a signal has interrupted its wait.
  // `settle` comes before what is pending is sent.
  Farewell(Account& account, Milliseconds limit, std::function<void()> settle,
           std::function<void()> exit);
  ~Farewell();
  Farewell(const Farewell&) = delete;
  Farewell& operator=(const Farewell&) = delete;

  // The loop has ended: returns when the last try is over, if there was none yet.
  void unmounted();

 private:
  void loop();
  void sendPending(bool ended);
  void endLoop();

  Account& account_;
  const Milliseconds limit_;
  const std::function<void()> settle_;
  const std::function<void()> exit_;
  const pthread_t main_;
  const Fd signals_;                 // eventfds: a signal has come
  const Fd ended_;                   // the loop has ended
  std::atomic<bool> failed_{false};  // no last try
  std::thread thread_;
};

}  // namespace emlfs::fs
