// Whether to look again for what was sent over a connection that is no more.
#pragma once

#include <chrono>

#include "emlfs/base/clock.h"
#include "emlfs/imap/session.h"

namespace emlfs::sync {

// The server may still be working on it, for a second from when this was made.
class Finishing {
 public:
  // Waits for something to happen in the selected mailbox; false if another look is not worth it.
  bool more(imap::Session& session);

 private:
  const Deadline deadline_ = Deadline::after(std::chrono::seconds(1));
  bool asked_ = false;
};

}  // namespace emlfs::sync
