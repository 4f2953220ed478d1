// Tells when the network may be another one: an address or route came or went (rtnetlink), or the
// machine was asleep (the clock jumped). One thread. Where the system doesn't tell, nothing is
// told.
#pragma once

#include <functional>
#include <thread>

#include "emlfs/base/file.h"

namespace emlfs {

class NetworkEvents {
 public:
  enum class Kind { changed, woke_up };
  // `happened` is called from the thread, at most about twice a second.
  explicit NetworkEvents(std::function<void(Kind)> happened);
  ~NetworkEvents() { stop(); }
  void start();
  void stop();

 private:
  void loop();
  void watchClock();

  const std::function<void(Kind)> happened_;
  Event stopping_;
  Fd routes_;
  Fd clock_;
  std::thread thread_;
};

}  // namespace emlfs
