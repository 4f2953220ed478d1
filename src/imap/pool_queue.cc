#include "imap/pool_queue.h"

#include <algorithm>
#include <iterator>

namespace emlfs::imap {
namespace {

constexpr unsigned kMostPassedOver = 16;
constexpr Milliseconds kPatience{1'000};
constexpr std::array kAwaited{Lane::listing, Lane::reading, Lane::ahead};

std::optional<size_t> choose(const std::deque<QueuedJob>& lane, const Taker& taker) {
  std::optional<size_t> other;
  for (size_t i = 0; i < lane.size(); ++i) {
    const QueuedJob& each = lane[i];
    if (each.first_session > taker.session) continue;
    const std::string& mailbox = each.job.mailbox;
    if (each.job.first || each.passed_over >= kMostPassedOver || mailbox.empty() ||
        mailbox == taker.selected) {
      return i;
    }
    if (!other && !taker.left_to_others(each)) other = i;
  }
  return other;
}

std::optional<QueuedJob> takeFrom(std::deque<QueuedJob>& lane, const Taker& taker) {
  const std::optional<size_t> chosen = choose(lane, taker);
  if (!chosen) return {};
  const auto at = lane.begin() + static_cast<std::ptrdiff_t>(*chosen);
  for (auto passed = lane.begin(); passed != at; ++passed) ++passed->passed_over;
  QueuedJob job = std::move(*at);
  lane.erase(at);
  return job;
}

bool waitedLong(const std::deque<QueuedJob>& lane, Clock::time_point now) {
  return !lane.empty() && now - lane.front().since > kPatience;
}

}  // namespace

std::optional<QueuedJob> JobQueue::take(const Taker& taker, Clock::time_point now) {
  std::optional<QueuedJob> job = takeFrom(lane(Lane::listing), taker);
  if (taker.bodies) {
    std::array order{Lane::reading, Lane::ahead, Lane::background};
    if (waitedLong(lane(Lane::background), now)) std::ranges::rotate(order, order.end() - 1);
    for (const Lane each : order)
      if (!job && (each != Lane::ahead || taker.ahead)) job = takeFrom(lane(each), taker);
  }
  if (!job && taker.watch) job = takeFrom(lane(Lane::watch), taker);
  return job;
}

std::vector<QueuedJob> JobQueue::drain() {
  std::vector<QueuedJob> jobs;
  for (std::deque<QueuedJob>& each : lanes_) {
    std::ranges::move(each, std::back_inserter(jobs));
    each.clear();
  }
  return jobs;
}

size_t JobQueue::needingNewerThan(uint64_t session) const {
  size_t count = 0;
  for (const std::deque<QueuedJob>& each : lanes_) {
    count += static_cast<size_t>(std::ranges::count_if(
        each, [session](const QueuedJob& job) { return job.first_session > session; }));
  }
  return count;
}

void JobQueue::acceptAnySession() {
  for (std::deque<QueuedJob>& each : lanes_) {
    for (QueuedJob& job : each) {
      if (job.first_session > 0) job.retries = 0;
      job.first_session = 0;
    }
  }
}

std::vector<QueuedJob> JobQueue::takeWaitingIf(
    const std::function<bool(const QueuedJob&)>& chosen) {
  std::vector<QueuedJob> taken;
  for (const Lane which : kAwaited) {
    std::deque<QueuedJob> kept;
    for (QueuedJob& job : lane(which)) {
      if (chosen(job))
        taken.push_back(std::move(job));
      else
        kept.push_back(std::move(job));
    }
    lane(which) = std::move(kept);
  }
  return taken;
}

std::vector<QueuedJob> JobQueue::takeWaitingSince(Clock::time_point then) {
  return takeWaitingIf([then](const QueuedJob& job) { return job.since <= then; });
}

std::vector<QueuedJob> JobQueue::takeRetriesSince(Clock::time_point then) {
  return takeWaitingIf(
      [then](const QueuedJob& job) { return job.first_session > 0 && job.since <= then; });
}

std::optional<Clock::time_point> JobQueue::waitingSince() const {
  std::optional<Clock::time_point> first;
  for (const Lane which : kAwaited)
    for (const QueuedJob& job : lanes_[static_cast<size_t>(which)])
      first = std::min(first.value_or(job.since), job.since);
  return first;
}

}  // namespace emlfs::imap
