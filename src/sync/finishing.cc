#include "sync/finishing.h"

#include <algorithm>
#include <utility>

namespace emlfs::sync {
namespace {

constexpr Clock::duration kLeast = Milliseconds{1'000};
constexpr Clock::duration kMost = Milliseconds{60'000};

}  // namespace

Finishing::Finishing(Clock::duration unanswered)
    : deadline_(Deadline::at(Clock::now() + std::clamp(unanswered, kLeast, kMost))) {}

bool Finishing::more(imap::Session& session) {
  if (deadline_.passed()) return false;
  if (!session.capabilities().has("IDLE")) {
    session.noop();
    return !std::exchange(asked_, true);
  }
  const auto rest = std::chrono::duration_cast<Milliseconds>(deadline_.at() - Clock::now());
  return session.listen(std::max(rest, Milliseconds(1)), false).selected;
}

}  // namespace emlfs::sync
