#include "account/deletions.h"

namespace emlfs {

bool Deletions::add(Clock::time_point now) {
  const MutexLock lock(mutex_);
  while (!seconds_.empty() && now - seconds_.front().from > kWithin) {
    within_ -= seconds_.front().count;
    seconds_.pop_front();
  }
  if (seconds_.empty() || now - seconds_.back().from >= std::chrono::seconds(1))
    seconds_.push_back({now, 0});
  ++seconds_.back().count;
  ++within_;
  if (burst_ && now - burst_->last > kTold) burst_.reset();
  if (burst_) {
    ++burst_->count;
    burst_->last = now;
    return false;
  }
  if (within_ <= kMany) return false;
  burst_ = {within_, now};
  return true;
}

std::optional<Deletions::Burst> Deletions::burst(Clock::time_point now) const {
  const MutexLock lock(mutex_);
  return burst_ && now - burst_->last <= kTold ? burst_ : std::nullopt;
}

}  // namespace emlfs
