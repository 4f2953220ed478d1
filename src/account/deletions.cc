#include "account/deletions.h"

namespace emlfs {

uint64_t& Deletions::Counts::of(Fate fate) {
  switch (fate) {
    case Fate::hidden:
      return hidden;
    case Fate::in_trash:
      return in_trash;
    case Fate::for_good:
      break;
  }
  return for_good;
}

std::optional<Deletions::Burst> Deletions::add(Clock::time_point now, Fate fate) {
  const MutexLock lock(mutex_);
  while (!seconds_.empty() && now - seconds_.front().from > kWithin) seconds_.pop_front();
  if (seconds_.empty() || now - seconds_.back().from >= std::chrono::seconds(1))
    seconds_.push_back({now, {}});
  ++seconds_.back().counts.of(fate);
  if (burst_ && now - burst_->last > kTold) burst_.reset();
  if (burst_) {
    ++burst_->of(fate);
    burst_->last = now;
    return std::nullopt;
  }
  Counts within;
  for (const Second& second : seconds_) {
    within.hidden += second.counts.hidden;
    within.in_trash += second.counts.in_trash;
    within.for_good += second.counts.for_good;
  }
  if (within.all() > kMany) burst_ = Burst{within, now};
  return burst_;
}

std::optional<Deletions::Burst> Deletions::burst(Clock::time_point now) const {
  const MutexLock lock(mutex_);
  return burst_ && now - burst_->last <= kTold ? burst_ : std::nullopt;
}

}  // namespace emlfs
