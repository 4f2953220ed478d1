#include "emlfs/imap/throttle.h"

#include <algorithm>
#include <utility>

namespace emlfs::imap {
namespace {

// What has to be there before those go on whom nobody waits for: more than comes in between two
// reads of a person.
constexpr double kReserveSeconds = 0.5;
// Somebody may have come to wait for them meanwhile, so not for ever.
constexpr std::chrono::seconds kLongestPatience{5};

constexpr double kPieceSeconds = 0.25;
constexpr double kSmallestPiece = 2 << 10;
constexpr double kLargestPiece = 64 << 10;

thread_local Throttle::Manner manner_of_this_thread = Throttle::Manner::ordinary;

double perSecond(const Rate& rate) {
  return static_cast<double>(rate.bytes) * 1000 / static_cast<double>(rate.period.count());
}

}  // namespace

Throttle::As::As(Manner manner) : before_(std::exchange(manner_of_this_thread, manner)) {}
Throttle::As::~As() {
  manner_of_this_thread = before_;
}

Throttle::Throttle(Rate rate, int64_t left, Now now)
    : rate_(rate),
      bytes_per_second_(perSecond(rate)),
      piece_(static_cast<size_t>(
          std::clamp(bytes_per_second_ * kPieceSeconds, kSmallestPiece, kLargestPiece))),
      now_(std::move(now)),
      left_(static_cast<double>(left)),
      at_(now_()) {}

double Throttle::refilled() const {
  const auto now = now_();
  const double seconds = std::chrono::duration<double>(now - at_).count();
  left_ = std::min(left_ + seconds * bytes_per_second_, static_cast<double>(rate_.bytes));
  at_ = now;
  return left_;
}

Clock::duration Throttle::due(Clock::duration waited) const {
  if (manner_of_this_thread == Manner::at_once) return {};
  const MutexLock lock(mutex_);
  const double left = refilled();
  const bool yields = manner_of_this_thread == Manner::patient && waited < kLongestPatience;
  const double wanted =
      yields ? std::min(bytes_per_second_ * kReserveSeconds, static_cast<double>(rate_.bytes)) : 1;
  if (left >= wanted) return {};
  const std::chrono::duration<double> seconds((wanted - left) / bytes_per_second_);
  const auto until = std::chrono::ceil<Milliseconds>(seconds);
  if (!yields || left < 1) return until;
  return std::min<Clock::duration>(until, kLongestPatience - waited);
}

void Throttle::took(uint64_t bytes) {
  const MutexLock lock(mutex_);
  left_ = refilled() - static_cast<double>(bytes);
}

int64_t Throttle::left() const {
  const MutexLock lock(mutex_);
  return static_cast<int64_t>(refilled());
}

}  // namespace emlfs::imap
