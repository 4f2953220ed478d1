#include "imap/backoff.h"

#include <algorithm>

namespace emlfs::imap {
namespace {

constexpr Milliseconds kFirstPause{1'000};
constexpr Milliseconds kLongestPause{300'000};
constexpr Milliseconds kFirstPauseAfterAuth{60'000};
constexpr Milliseconds kLongestPauseAfterAuth{3'600'000};
// Between tries that somebody waits for. Where each takes long, at most half the time goes into
// them.
constexpr Clock::duration kShortest = Milliseconds{500};
constexpr Clock::duration kLongest = Milliseconds{5'000};

}  // namespace

void Backoff::failed(const Error& error, Clock::time_point began, Clock::time_point now,
                     double jitter) {
  const bool was_refused = refused();
  // Tries at the same time are one: who waited for another's answer hears it later.
  const bool another = !error_ || began >= last_;
  lasting_ = error_ || error.code != Code::network;
  // A first failure may be a single cut: people need not wait for the next try.
  earliest_ = error_ ? now + std::clamp(now - began, kShortest, kLongest) : now;
  if (!error_) since_ = now;
  last_ = now;
  error_ = error;
  const Milliseconds first = refused() ? kFirstPauseAfterAuth : kFirstPause;
  const Milliseconds longest = refused() ? kLongestPauseAfterAuth : kLongestPause;
  if (pause_.count() == 0 || refused() != was_refused)
    pause_ = first;
  else if (another &&
           !hurried_)  // tries of a person's own don't make the pause of the others longer
    pause_ = std::min(pause_ * 2, longest);
  hurried_ = false;
  const double share = (refused() ? 1.0 : 0.75) + jitter / 2;
  until_ = now + Milliseconds(static_cast<int64_t>(static_cast<double>(pause_.count()) * share));
}

void Backoff::hurry(Clock::time_point now) {
  if (refused() || !pausing(now)) return;
  until_ = std::min(until_, std::max(now, earliest_));
  hurried_ = true;
}

void Backoff::forgive(Clock::time_point now) {
  if (refused()) return;
  earliest_ = now;
  hurry(now);
  pause_ = Milliseconds{0};
}

}  // namespace emlfs::imap
