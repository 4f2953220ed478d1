// The work that waits for a connection, and which of it a connection takes next. A value without
// threads or clocks; the pool locks it.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "emlfs/imap/pool.h"

namespace emlfs::imap {

struct QueuedJob {
  Job job;
  // After run's good end, when the connection is free again: who waited for this job and comes with
  // the next one then finds it so, and no further connection is opened.
  std::function<void()> done;
  Clock::time_point since = Clock::now();
  unsigned passed_over = 0;
  unsigned retries = 0;
  // Sessions are numbered as they begin to connect. A job that met a dead one is only for those
  // that began after that, since the others may have died of the same cause.
  uint64_t first_session = 0;
};

// A connection that looks for work.
struct Taker {
  std::string selected;  // mailbox
  uint64_t session = 0;
  bool bodies = true;  // may it take work of the lanes `reading`, `ahead` and `background`
  bool ahead = true;   // and of that one
  bool watch = true;   // and of that one
  // True for a job whose mailbox another idle connection has selected, one that may take it: it is
  // left to that one.
  std::function<bool(const QueuedJob& job)> left_to_others;
};

class JobQueue {
 public:
  void push(QueuedJob job) {
    auto& jobs = lane(job.job.lane);
    jobs.insert(job.job.first ? jobs.begin() : jobs.end(), std::move(job));
  }
  void pushFront(QueuedJob job) { lane(job.job.lane).push_front(std::move(job)); }

  // In the order of the lanes, but the background before more reading once it has waited for a
  // second. Within a lane first what is to be first, then what needs no SELECT, but what has been
  // passed over 16 times goes before that.
  std::optional<QueuedJob> take(const Taker& taker, Clock::time_point now);

  std::vector<QueuedJob> drain();
  // What somebody waits for (listing, reading, ahead), and has since then or longer.
  std::vector<QueuedJob> takeWaitingSince(Clock::time_point then);
  std::vector<QueuedJob> takeWaiting() { return takeWaitingSince(Clock::time_point::max()); }
  // Of them, what has met a dead session.
  std::vector<QueuedJob> takeRetriesSince(Clock::time_point then);
  // Since when the first of it waits; absent if nobody does.
  std::optional<Clock::time_point> waitingSince() const;

  size_t size(Lane which) const { return lanes_[static_cast<size_t>(which)].size(); }
  size_t bodies() const { return size(Lane::reading) + size(Lane::ahead) + size(Lane::background); }
  size_t size() const { return size(Lane::listing) + bodies() + size(Lane::watch); }
  // How many a session of this number may not take.
  size_t needingNewerThan(uint64_t session) const;
  // No new session can be had: any will do. Should that be dead as well, it was not the job's fault
  // either.
  void acceptAnySession();

 private:
  std::vector<QueuedJob> takeWaitingIf(const std::function<bool(const QueuedJob&)>& chosen);
  std::deque<QueuedJob>& lane(Lane which) { return lanes_[static_cast<size_t>(which)]; }
  std::array<std::deque<QueuedJob>, kLanes> lanes_;
};

}  // namespace emlfs::imap
