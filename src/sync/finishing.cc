#include "sync/finishing.h"

#include <algorithm>

namespace emlfs::sync {
namespace {

constexpr Clock::duration kLeast = Milliseconds{1'000};
constexpr Clock::duration kMost = Milliseconds{60'000};
// Not every server tells of what happens, nor only of that.
constexpr Milliseconds kStep{2'000};

}  // namespace

Finishing::Finishing(Clock::duration unanswered)
    : deadline_(Deadline::at(Clock::now() + std::clamp(unanswered, kLeast, kMost))) {}

bool Finishing::more(imap::Session& session) {
  if (over_) return false;
  const auto rest = std::chrono::ceil<Milliseconds>(deadline_.at() - Clock::now());
  if (rest > Milliseconds{0}) session.listen(std::min(rest, kStep), false);
  over_ = deadline_.passed();
  return true;
}

}  // namespace emlfs::sync
