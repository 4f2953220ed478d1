#include "imap/pool_state.h"

#include <algorithm>

namespace emlfs::imap {
namespace {

// While the server is away: how long somebody waits for a try to connect that was begun for him.
constexpr Milliseconds kOfflineWait{1'000};
// A connection that breaks in its first job, and younger than that, counts as one that failed: some
// servers let everybody in and then say BYE.
constexpr Milliseconds kProved{10'000};

// A try to connect that takes longer may have met silence.
constexpr Milliseconds kSlow{2'000};

// What breaks two sessions breaks the third. But a server that says BYE is there, and may end one
// session after the other for what others do: Dovecot can't go on where a selected mailbox is
// replaced, and says "please relogin".
constexpr unsigned kMostRetries = 1;
constexpr unsigned kMostRetriesAfterBye = 5;

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
  if (self.session && self.doubtful) {
    self.session = nullptr;
    return Step{Step::disconnect, {}, {}};
  }
  if (self.session) {
    std::optional<QueuedJob> job = take(self);
    if (!job) {
      self.untried = false;
      // What waits is only for a session that begins now, and there is no room for one.
      const bool full = std::ranges::all_of(
          connections_, [](const ConnectionState& each) { return each.session != nullptr; });
      if (!full || queue.needingNewerThan(self.number) == 0) return {};
      self.session = nullptr;
      return Step{Step::disconnect, {}, {}};
    }
    self.working = job->job.lane;
    self.doing = job->job.doing;
    Step step{Step::serve, {}, {}};
    step.jobs.push_back(std::move(*job));
    return step;
  }
  if (std::optional<Step> refused = refusals()) return refused;
  if (!mayConnect()) return {};
  self.connecting = true;
  self.connecting_since = Clock::now();
  self.number = ++sessions_;
  return Step{Step::connect, {}, {}};
}

std::optional<Clock::time_point> PoolState::alarm(const ConnectionState& self) const {
  const Clock::time_point now = Clock::now();
  // With the pause of further connections there is more room for bodies, on the idle ones too.
  if (self.session) return more_.pausing(now) ? std::optional(more_.until()) : std::nullopt;
  std::optional<Clock::time_point> first;
  const auto add = [&](Clock::time_point at) { first = std::min(first.value_or(at), at); };
  if (more_.pausing(now)) add(more_.until());
  if (backoff_.pausing(now)) add(backoff_.until());
  if (connectedCount() > 0) return first;
  if (!queue.waitingSince()) return first;
  if (const auto wait = connectingWait()) add(*queue.waitingSince() + *wait);
  if (const auto since = lastConnecting(); since && backoff_.mayHurry(Clock::time_point::max()))
    add(std::max(*since + kSlow, backoff_.earliest()));
  return first;
}

std::optional<QueuedJob> PoolState::take(ConnectionState& self) {
  const auto left_to_others = [&](const QueuedJob& job) {
    return std::ranges::any_of(connections_, [&](const ConnectionState& other) {
      return &other != &self && other.idle() && !other.doubtful &&
             other.selected == job.job.mailbox && other.number >= job.first_session;
    });
  };
  // Who watches leaves an open connection to people, if one more can be had.
  const bool last_idle =
      idleCount() == 1 && std::ranges::any_of(connections_, [&](const auto& each) {
        return !each.session && !more_.pausing(Clock::now());
      });
  return queue.take({self.selected, self.number, bodyRoom() > 0, aheadRoom() > 0,
                     watchRoom() > 0 && !last_idle, left_to_others},
                    Clock::now());
}

// Jobs that must not wait for a connection, since none works and none may be tried for them now, or
// the try takes long. Those of the other lanes wait for the server to come back.
std::optional<Step> PoolState::refusals() {
  const std::optional<Milliseconds> wait = connectingWait();
  if (connectedCount() > 0 || !wait) return {};
  const Clock::time_point now = Clock::now();
  std::vector<QueuedJob> jobs;
  if (connectingCount() > 0)
    jobs = queue.takeWaitingSince(now - *wait);
  else if (backoff_.lasting() && backoff_.pausing(now) && !backoff_.mayHurry(now))
    jobs = queue.takeWaiting();
  if (jobs.empty()) return {};
  return Step{Step::refuse, std::move(jobs), backoff_.lasting() ? backoff_.error() : silence_};
}

// How long somebody waits in all while a connection is made. Who has been kept waiting by one that
// fell silent is not made to wait as long for the next.
std::optional<Milliseconds> PoolState::connectingWait() const {
  if (backoff_.lasting()) return kOfflineWait;
  if (silence_) return timeout_;
  return {};
}

bool PoolState::mayConnect() const {
  const Clock::time_point now = Clock::now();
  if (connectedCount() == 0) return mayConnectFirst();
  if (more_.pausing(now) || (provenCount() == 0 && backoff_.pausing(now))) return false;
  uint64_t newest_idle = 0;
  for (const ConnectionState& each : connections_)
    if (each.idle()) newest_idle = std::max(newest_idle, each.number);
  size_t wanted = idleCount() > 0
                      ? queue.needingNewerThan(newest_idle)
                      : queue.size(Lane::listing) + std::min(waitingBodies(), bodyRoom());
  if (queue.size(Lane::watch) > 0 && watchRoom() > 0 && idleCount() <= 1) ++wanted;
  return wanted > connectingCount();
}

// The first one alone finds out whether the server and the password are good. While somebody waits,
// another one follows it into a silence: the network may be back, and not tell the first.
bool PoolState::mayConnectFirst() const {
  if (queue.size() == 0) return false;
  const Clock::time_point now = Clock::now();
  if (const auto since = lastConnecting(); since && (!queue.waitingSince() || now < *since + kSlow))
    return false;
  return !backoff_.pausing(now) || (queue.waitingSince() && backoff_.mayHurry(now));
}

std::vector<Session*> PoolState::sessionsToWake() {
  std::vector<Session*> sessions;
  const auto wake = [&](ConnectionState& each) {
    each.woken = true;
    sessions.push_back(each.session);
  };
  for (ConnectionState& each : connections_)
    if (each.working == Lane::watch && each.doubtful && !each.woken) wake(each);
  if (ConnectionState* const needed = watcherInTheWay()) wake(*needed);
  return sessions;
}

// Nothing else is left for work that waits.
ConnectionState* PoolState::watcherInTheWay() {
  const bool bodies_starve = queue.bodies() > 0 && bodiesRunning() == 0;
  if (queue.size(Lane::listing) == 0 && !bodies_starve) return nullptr;
  const Clock::time_point now = Clock::now();
  ConnectionState* watching = nullptr;
  for (ConnectionState& each : connections_) {
    const bool can_be_had = !each.session && !more_.pausing(now);
    if (each.idle() || each.connecting || can_be_had || each.woken) return nullptr;
    if (each.working == Lane::watch) watching = &each;
  }
  return watching;
}

void PoolState::hurry() {
  const Clock::time_point now = Clock::now();
  if (connectedCount() == 0) backoff_.hurry(now);
}

void PoolState::doubt() {
  for (ConnectionState& each : connections_) each.doubtful = each.session != nullptr;
}

void PoolState::forgive() {
  const Clock::time_point now = Clock::now();
  backoff_.forgive(now);
  more_.forgive(now);
}

// How many connections there are, or could be.
size_t PoolState::usable() const {
  const Clock::time_point now = Clock::now();
  return count(connections_,
               [&](const ConnectionState& each) { return each.session || !more_.pausing(now); });
}

size_t PoolState::working(Lane lane) const {
  return count(connections_, [&](const ConnectionState& each) { return each.working == lane; });
}

// How many more bodies may be fetched: one connection that can be had stays free for listings.
size_t PoolState::bodyRoom() const {
  const size_t most = bodiesMost();
  const size_t running = bodiesRunning();
  return most > running ? most - running : 0;
}

size_t PoolState::bodiesMost() const {
  const size_t others = working(Lane::watch) + 1;
  return usable() > others ? usable() - others : 1;
}

size_t PoolState::bodiesRunning() const {
  return working(Lane::reading) + working(Lane::ahead) + working(Lane::background);
}

// What is read ahead leaves a connection to who reads something else.
size_t PoolState::aheadRoom() const {
  const size_t most = std::max<size_t>(bodiesMost(), 2) - 1;
  const size_t running = working(Lane::ahead);
  return most > running ? most - running : 0;
}

// Of the bodies that wait, those that could be fetched at the same time.
size_t PoolState::waitingBodies() const {
  const size_t ahead = queue.size(Lane::ahead);
  return queue.bodies() - ahead + std::min(ahead, aheadRoom());
}

size_t PoolState::watchRoom() const {
  const size_t most = usable() / 2;
  const size_t running = working(Lane::watch);
  return most > running ? most - running : 0;
}

size_t PoolState::idleCount() const {
  return count(connections_, [](const ConnectionState& each) { return each.idle(); });
}

size_t PoolState::connectedCount() const {
  return count(connections_, [](const ConnectionState& each) { return each.session != nullptr; });
}

// Since when the newest try to connect runs.
std::optional<Clock::time_point> PoolState::lastConnecting() const {
  std::optional<Clock::time_point> last;
  for (const ConnectionState& each : connections_)
    if (each.connecting)
      last = std::max(last.value_or(each.connecting_since), each.connecting_since);
  return last;
}

size_t PoolState::provenCount() const {
  return count(connections_,
               [](const ConnectionState& each) { return each.session && !each.untried; });
}

size_t PoolState::connectingCount() const {
  return count(connections_, [](const ConnectionState& each) { return each.connecting; });
}

void PoolState::connected(ConnectionState& self, Session* session) {
  // What kept others from connecting is over, too.
  if (connectedCount() == 0)
    for (ConnectionState& each : connections_) each.last_error.clear();
  silence_.reset();
  self.connecting = false;
  self.session = session;
  self.last_error.clear();
  self.doubtful = false;
  self.connected_since = Clock::now();
  self.untried = true;
  self.selected.clear();
}

std::vector<QueuedJob> PoolState::connectFailed(ConnectionState& self, const Error& error) {
  self.connecting = false;
  self.last_error = error.what();
  if (stopping) return {};
  const Clock::time_point now = Clock::now();
  // While another one works, the server allows no more, or this was bad luck: it is no reason to
  // fail a job, unless that has waited for just this one, and in silence.
  if (connectedCount() > 0) {
    more_.failed(error, self.connecting_since, now, jitter());
    std::vector<QueuedJob> late;
    if (error.code == Code::timeout) late = queue.takeRetriesSince(overdue());
    if (connectingCount() == 0) queue.acceptAnySession();
    return late;
  }
  // A single cut may have met it: whoever waits gets another try, but no second wait for silence.
  backoff_.failed(error, self.connecting_since, now, jitter());
  if (!backoff_.lasting() || connectingCount() > 0) return {};
  return queue.takeWaiting();
}

bool PoolState::workEnded(ConnectionState& self, const std::string& selected, QueuedJob& job,
                          const std::optional<Error>& error) {
  const bool bye = error && error->code == Code::network && !error->server.empty();
  // Who says BYE when he has opened a mailbox does so for the mailbox's sake, unless he always
  // does.
  const bool for_mailbox = bye && !selected.empty() && job.retries < kMostRetriesAfterBye;
  const bool untried = self.untried && !for_mailbox;
  self.working.reset();
  self.woken = false;
  self.doing.clear();
  self.untried = false;
  self.selected = selected;
  if (error) self.last_error = error->what();
  silence_ = error && error->code == Code::timeout ? error : std::nullopt;
  if (!error || !endsSession(*error)) {
    backoff_.succeeded();
    if (untried && connectedCount() > 1) more_.succeeded();
    return false;
  }
  self.session = nullptr;
  self.selected.clear();
  // The idle ones may be connected to nobody as well: let no reader find that out one by one. And
  // where a server goes on holding for one session what this one has waited for, that ends with the
  // other: so Dovecot with Maildir, where a mailbox was renamed while NOTIFY looked into it.
  if (error->code == Code::timeout)
    for (ConnectionState& each : connections_)
      each.doubtful |= each.session && (each.idle() || each.working == Lane::watch);
  const Clock::time_point now = Clock::now();
  const bool of_connection = error->scope == Scope::connection;
  // Of several that are cut at once only the first counts.
  const bool alone = self.connected_since > backoff_.last();
  // What a session tells is doubted: not the connection, unless the next one tells it as well.
  const bool broken = of_connection && (error->code != Code::stale || job.retries > 0);
  if (untried && broken && alone && !stopping && now - self.connected_since < kProved) {
    // Others that are as new as this one prove nothing either.
    if (provenCount() == 0) backoff_.failed(*error, self.connecting_since, now, jitter());
    more_.failed(*error, self.connecting_since, now, jitter());
  }
  // Nor is one that is silent worth a second wait: the user was promised one.
  const bool repeatable = of_connection && error->code != Code::timeout;
  const bool tired = job.retries >= (bye ? kMostRetriesAfterBye : kMostRetries);
  if (stopping || tired || !repeatable) return false;
  // A server that has closed an idle connection is no failure: once more, on a new one; while none
  // can be had, on those that are left, of which each that breaks is one less. A doubt asks for a
  // new one, whatever that takes.
  const bool new_one = error->code == Code::stale || connectedCount() == 0 || !more_.pausing(now);
  if (new_one) ++job.retries;
  job.first_session = new_one ? sessions_ + 1 : 0;
  queue.pushFront(std::move(job));
  return true;
}

}  // namespace emlfs::imap
