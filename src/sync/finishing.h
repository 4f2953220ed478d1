// Whether to look again for what was sent over a connection that is no more.
#pragma once

#include <chrono>

#include "emlfs/base/clock.h"
#include "emlfs/imap/session.h"

namespace emlfs::sync {

// The server may still be working on it: for a second from when this was made, or for as long as it
// had been at it when that connection broke, a minute at most.
class Finishing {
 public:
  explicit Finishing(Clock::duration unanswered);
  // Waits for something to happen in the selected mailbox, for a moment; false if another look is
  // not worth it. There is one after the end of that time.
  bool more(imap::Session& session);

 private:
  const Deadline deadline_;
  bool over_ = false;
};

}  // namespace emlfs::sync
