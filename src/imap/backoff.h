// When connecting may be tried again after it failed. A value without clock; not thread-safe.
#pragma once

#include <optional>

#include "emlfs/base/clock.h"
#include "emlfs/base/error.h"
#include "emlfs/imap/pool.h"

namespace emlfs::imap {

class Backoff {
 public:
  // `jitter` in [0, 1): where in the middle half around the nominal pause the real one lies, so
  // that many clients don't come back at once.
  void failed(const Error& error, Clock::time_point now, double jitter);
  void succeeded() { *this = Backoff(); }

  bool pausing(Clock::time_point now) const { return now < until_; }
  Clock::time_point until() const { return until_; }

  // Why a job of this lane must fail without another try; absent if it may try. What a person waits
  // for is tried at once, except after refused credentials: that would lock the account out.
  std::optional<Error> refusal(Lane lane, Clock::time_point now) const;

 private:
  std::optional<Error> error_;
  Clock::time_point until_{};
  Milliseconds pause_{0};
};

}  // namespace emlfs::imap
