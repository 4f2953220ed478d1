#include "imap/backoff.h"

#include <algorithm>

namespace emlfs::imap {
namespace {

constexpr Milliseconds kFirstPause{1'000};
constexpr Milliseconds kLongestPause{300'000};
constexpr Milliseconds kPauseAfterAuth{60'000};

}  // namespace

void Backoff::failed(const Error& error, Clock::time_point now, double jitter) {
  error_ = error;
  if (error.code == Code::auth) {
    until_ = now + kPauseAfterAuth;
    return;
  }
  // Tries of a person's own don't make the pause of the others longer.
  if (pausing(now)) return;
  pause_ = pause_.count() == 0 ? kFirstPause : std::min(pause_ * 2, kLongestPause);
  const double share = 0.75 + jitter / 2;
  until_ = now + Milliseconds(static_cast<int64_t>(static_cast<double>(pause_.count()) * share));
}

std::optional<Error> Backoff::refusal(Lane lane, Clock::time_point now) const {
  if (!pausing(now)) return {};
  if (lane == Lane::background || error_->code == Code::auth) return error_;
  return {};
}

}  // namespace emlfs::imap
