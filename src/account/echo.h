// A silence of the server that somebody has waited through holds for whoever comes right behind him
// and wants the same. The kernel lets the calls in one directory in one after the other (fuse.md:
// libfuse 3.14 never asks for FUSE_PARALLEL_DIROPS, and changes would still take turns): without
// this the last of them would wait as many timeouts as there are calls. A value; not thread-safe.
#pragma once

#include <optional>
#include <string>

#include "emlfs/base/clock.h"
#include "emlfs/base/error.h"

namespace emlfs {

class Echo {
 public:
  // How it has ended; absent: well. Only a timeout has an echo.
  void ended(const std::optional<Error>& error, Clock::time_point now) {
    silence_.reset();
    if (!error || error->code != Code::timeout) return;
    // With a text of its own: others are given it, on other threads.
    silence_.emplace(error->code, error->scope, std::string(error->what()), error->server);
    at_ = now;
  }
  // The error for who comes now; not for who was there before.
  std::optional<Error> at(Clock::time_point now) const {
    if (!silence_ || now - at_ >= kHolds) return std::nullopt;
    return Error(silence_->code, silence_->scope, std::string(silence_->what()), silence_->server);
  }

 private:
  static constexpr Milliseconds kHolds{1'000};

  std::optional<Error> silence_;
  Clock::time_point at_{};
};

}  // namespace emlfs
