#include "imap/pool_queue.h"

#include <algorithm>
#include <iterator>

namespace emlfs::imap {
namespace {

constexpr unsigned kMostPassedOver = 16;

std::optional<size_t> choose(const std::deque<QueuedJob>& lane, const Taker& taker) {
  std::optional<size_t> other;
  for (size_t i = 0; i < lane.size(); ++i) {
    const QueuedJob& each = lane[i];
    if (each.first_session > taker.session) continue;
    const std::string& mailbox = each.job.mailbox;
    if (each.passed_over >= kMostPassedOver || mailbox.empty() || mailbox == taker.selected) {
      return i;
    }
    if (!other && !taker.left_to_others(mailbox)) other = i;
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

}  // namespace

std::optional<QueuedJob> JobQueue::take(const Taker& taker) {
  std::optional<QueuedJob> job = takeFrom(lane(Lane::foreground), taker);
  if (!job && taker.background) job = takeFrom(lane(Lane::background), taker);
  return job;
}

std::vector<QueuedJob> JobQueue::drain(Lane which) {
  std::vector<QueuedJob> jobs(std::make_move_iterator(lane(which).begin()),
                              std::make_move_iterator(lane(which).end()));
  lane(which).clear();
  return jobs;
}

std::vector<QueuedJob> JobQueue::drain() {
  std::vector<QueuedJob> jobs = drain(Lane::foreground);
  std::ranges::move(drain(Lane::background), std::back_inserter(jobs));
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
    for (QueuedJob& job : each) job.first_session = 0;
  }
}

std::vector<QueuedJob> JobQueue::takeWaitingSince(Clock::time_point then) {
  std::vector<QueuedJob> taken;
  std::deque<QueuedJob> kept;
  for (QueuedJob& job : lane(Lane::foreground)) {
    if (job.since > then)
      kept.push_back(std::move(job));
    else
      taken.push_back(std::move(job));
  }
  lane(Lane::foreground) = std::move(kept);
  return taken;
}

}  // namespace emlfs::imap
