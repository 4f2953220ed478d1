#include "imap/pool_state.h"

#include <algorithm>

namespace emlfs::imap {
namespace {

template <class Predicate>
size_t count(const std::vector<ConnectionState>& connections, Predicate predicate) {
  return static_cast<size_t>(std::ranges::count_if(connections, predicate));
}

}  // namespace

bool endsSession(const Error& error) {
  return error.scope == Scope::connection || error.scope == Scope::account;
}

std::optional<Step> PoolState::next(ConnectionState& self) {
  if (stopping) {
    self.session = nullptr;
    return Step{};
  }
  if (self.session) {
    std::optional<QueuedJob> job = take(self);
    if (!job) {
      self.untried = false;
      return {};
    }
    self.working = job->job.lane;
    Step step{Step::serve, {}, {}};
    step.jobs.push_back(std::move(*job));
    return step;
  }
  if (std::optional<Step> refused = refusals()) return refused;
  if (!mayConnect(self)) return {};
  self.connecting = true;
  return Step{Step::connect, {}, {}};
}

std::optional<QueuedJob> PoolState::take(ConnectionState& self) {
  const auto left_to_others = [&](const std::string& mailbox) {
    return std::ranges::any_of(connections_, [&](const ConnectionState& other) {
      return &other != &self && other.idle() && other.selected == mailbox;
    });
  };
  return queue.take({self.selected, self.number, backgroundRoom() > 0, left_to_others});
}

// Jobs that must not wait for a connection, since none works and none may be tried for them.
std::optional<Step> PoolState::refusals() {
  if (connectedCount() > 0 || connectingCount() > 0) return {};
  for (const Lane lane : {Lane::foreground, Lane::background}) {
    if (queue.size(lane) == 0) continue;
    if (std::optional<Error> error = backoff_.refusal(lane, Clock::now())) {
      return Step{Step::refuse, queue.drain(lane), std::move(error)};
    }
  }
  return {};
}

bool PoolState::mayConnect(const ConnectionState& self) const {
  if (self.backoff.pausing(Clock::now())) return false;
  // The first one alone finds out whether the server and the password are good.
  if (connectedCount() == 0) return connectingCount() == 0 && queue.size() > 0;
  bool any_idle = false;
  uint64_t newest_idle = 0;
  for (const ConnectionState& each : connections_) {
    if (!each.idle()) continue;
    any_idle = true;
    newest_idle = std::max(newest_idle, each.number);
  }
  const size_t wanted = any_idle ? queue.needingNewerThan(newest_idle)
                                 : queue.size(Lane::foreground) +
                                       std::min(queue.size(Lane::background), backgroundRoom());
  return wanted > connectingCount();
}

// How many more jobs of the background may run: one connection that can be had stays free.
size_t PoolState::backgroundRoom() const {
  const Clock::time_point now = Clock::now();
  const size_t usable = count(connections_, [&](const ConnectionState& each) {
    return each.session || !each.backoff.pausing(now);
  });
  const size_t most = usable > 1 ? usable - 1 : 1;
  const size_t running = count(
      connections_, [](const ConnectionState& each) { return each.working == Lane::background; });
  return most > running ? most - running : 0;
}

size_t PoolState::connectedCount() const {
  return count(connections_, [](const ConnectionState& each) { return each.session != nullptr; });
}

size_t PoolState::connectingCount() const {
  return count(connections_, [](const ConnectionState& each) { return each.connecting; });
}

void PoolState::connected(ConnectionState& self, Session* session) {
  self.connecting = false;
  self.session = session;
  self.last_error.clear();
  self.number = ++sessions_;
  self.untried = true;
  self.selected.clear();
  self.backoff.succeeded();
  backoff_.succeeded();
}

std::vector<QueuedJob> PoolState::connectFailed(ConnectionState& self, const Error& error) {
  self.connecting = false;
  self.last_error = error.what();
  if (stopping) return {};
  // While another one works, the server allows no more, or this was bad luck: it is no reason to
  // fail a job.
  if (connectedCount() > 0) {
    self.backoff.failed(error, Clock::now(), jitter());
    queue.acceptAnySession();
    return {};
  }
  backoff_.failed(error, Clock::now(), jitter());
  if (connectingCount() > 0) return {};
  return queue.drain();
}

bool PoolState::workEnded(ConnectionState& self, const std::string& selected, QueuedJob& job,
                          const std::optional<Error>& error) {
  const bool untried = self.untried;
  self.working.reset();
  self.untried = false;
  self.selected = selected;
  if (!error) return false;
  self.last_error = error->what();
  if (!endsSession(*error)) return false;
  self.session = nullptr;
  // Nor is one that is silent worth a second wait: the user was promised one.
  const bool repeatable = error->scope == Scope::connection && error->code != Code::timeout;
  if (stopping || untried || job.retried || !repeatable) return false;
  // A server that has closed an idle connection is no failure: once more, on a new one.
  job.retried = true;
  job.first_session = sessions_ + 1;
  queue.pushFront(std::move(job));
  return true;
}

}  // namespace emlfs::imap
