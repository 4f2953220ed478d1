// When connecting may be tried again after it failed. A value without clock; not thread-safe.
#pragma once

#include <optional>

#include "emlfs/base/clock.h"
#include "emlfs/base/error.h"

namespace emlfs::imap {

class Backoff {
 public:
  // A try that `began` then has failed `now`. `jitter` in [0, 1): where in the middle half around
  // the nominal pause the real one lies, so that many clients don't come back at once; never before
  // it after refused credentials.
  void failed(const Error& error, Clock::time_point began, Clock::time_point now, double jitter);
  void succeeded() { *this = Backoff(); }

  bool failing() const { return error_.has_value(); }
  // It is not just a single cut.
  bool lasting() const { return lasting_; }
  const std::optional<Error>& error() const { return error_; }
  Clock::time_point since() const { return since_; }  // of the first failure
  Clock::time_point last() const { return last_; }    // failure

  bool pausing(Clock::time_point now) const { return now < until_; }
  Clock::time_point until() const { return until_; }

  // What a person waits for is tried before the pause is over, but not while the last try is as
  // good as now, and never after refused credentials: that would lock the account out.
  bool mayHurry(Clock::time_point now) const { return !refused() && now >= earliest_; }
  Clock::time_point earliest() const { return earliest_; }
  void hurry(Clock::time_point now);
  // The network is another one: what was learnt about the old one is worth nothing.
  void forgive(Clock::time_point now);

 private:
  // By the server. Where there is no secret to be had now, nothing was refused.
  bool refused() const {
    return error_ && error_->code == Code::auth && error_->scope == Scope::account;
  }

  std::optional<Error> error_;
  bool lasting_ = false;
  Clock::time_point since_{};
  Clock::time_point last_{};
  Clock::time_point until_{};
  Clock::time_point earliest_{};
  Milliseconds pause_{0};
  bool hurried_ = false;
};

}  // namespace emlfs::imap
