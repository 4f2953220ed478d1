#include "account/sender.h"

#include <algorithm>
#include <utility>

namespace emlfs {

using store::Change;

namespace {

constexpr std::chrono::seconds kReportEvery{1};
// A mailbox that lacks UIDs and can't be looked at: with each failure there is another replay.
constexpr std::chrono::seconds kAskAgain{30};

Error interruption() {
  return Error(Code::cancelled, Scope::message, "interrupted");
}

Error whyStuck(bool held, bool any_unseen, bool any_refused) {
  if (any_unseen)
    return Error(Code::timeout, Scope::mailbox,
                 "changes wait for a message of which the server has not told where it is");
  if (held)
    return Error(Code::timeout, Scope::mailbox,
                 "deletions wait for new messages of other accounts: see emlfs status");
  return Error(Code::busy, Scope::mailbox,
               any_refused ? "changes wait for others that the server refused: see emlfs journal"
                           : "changes wait for new messages that are being written");
}

// By a flush: it can get any further.
bool isWaitedFor(const Change& change) {
  return change.state != Change::State::parked && !sync::lacksUid(change) &&
         !sync::unfinished(change);
}

}  // namespace

Sender::Sender(imap::Pool& pool, sync::Store store, Hooks hooks, Milliseconds longest_wait)
    : pool_(pool), store_(store), hooks_(std::move(hooks)), longest_wait_(longest_wait) {
  // What the last mount was told of is not told again by the first flush of this one.
  const MutexLock lock(mutex_);
  for (const auto& change : store_.pending->changes())
    if (change.state == Change::State::parked) told_.insert(change.number);
}

void Sender::poke() {
  {
    const MutexLock lock(mutex_);
    again_ = running_;
    if (queued_ || running_) return;
    queued_ = true;
  }
  submit(imap::Lane::background);
}

WaitId Sender::newWait() {
  const MutexLock lock(mutex_);
  waits_.emplace(++last_wait_, false);
  return last_wait_;
}

bool Sender::cancel(WaitId wait) {
  if ((wait & kFlushBit) == 0) return false;
  Done done;
  {
    const MutexLock lock(mutex_);
    const auto known = waits_.find(wait);
    if (known == waits_.end()) return true;  // it has its answer
    known->second = true;
    const auto at = std::find_if(waiters_.begin(), waiters_.end(),
                                 [wait](const Waiter& each) { return each.wait == wait; });
    if (at == waiters_.end()) return true;  // it has not begun
    done = std::move(at->done);
    waiters_.erase(at);
    waits_.erase(known);
  }
  done(interruption());
  return true;
}

void Sender::looked() {
  std::vector<std::pair<Done, std::optional<Error>>> done;
  {
    const MutexLock lock(mutex_);
    if (!running_ && !waiters_.empty()) done = settled(std::nullopt);
  }
  for (const auto& [tell, what] : done) tell(what);
  if (store_.pending->size() > store_.pending->parked()) poke();
}

void Sender::flush(WaitId wait, std::optional<uint64_t> since, Done done) {
  const auto changes = store_.pending->changes();
  bool run_needed = false;
  const bool nothing = std::all_of(changes.begin(), changes.end(),
                                   [](const Change& change) { return !isWaitedFor(change); });
  if (nothing) {
    std::optional<Error> refused;
    {
      const MutexLock lock(mutex_);
      waits_.erase(wait);
      refused = refusal(since, changes.empty() ? 0 : changes.back().number);
    }
    done(refused);
    return;
  }
  {
    MutexLock lock(mutex_);
    const auto known = waits_.find(wait);
    if (known != waits_.end() && known->second) {
      waits_.erase(known);
      lock.unlock();
      done(interruption());
      return;
    }
    // Each of several changes in one directory, of a mount with `sync`.
    if (auto silence = since ? echo_.at(Clock::now()) : std::nullopt) {
      waits_.erase(wait);
      lock.unlock();
      done(silence);
      return;
    }
    waiters_.push_back({changes.back().number, runs_ + 1, wait, since, std::move(done)});
    again_ = running_;
    run_needed = !running_;
  }
  // In the lane of those who wait, which fails at once where the server is away. One in the
  // background may be queued besides; who comes second finds nothing to do.
  if (run_needed) submit(imap::Lane::listing);
}

void Sender::submit(imap::Lane lane) {
  imap::Job job;
  job.lane = lane;
  job.doing = "sending changes";
  job.run = [this, lane](imap::Session& session) { run(session, lane); };
  job.failed = [this](const Error& error) { finish(error); };
  pool_.submit(std::move(job));
}

void Sender::run(imap::Session& session, imap::Lane lane) {
  {
    const MutexLock lock(mutex_);
    if (running_) return;
    running_ = true;
    queued_ = false;
    again_ = false;
    ++runs_;
  }
  try {
    const uint64_t before = store_.pending->version();
    const auto mailboxes = sync::replay(session, store_, hooks_.on_change);
    const bool any_sent = store_.pending->version() != before;
    const MutexLock lock(mutex_);
    noteSent(mailboxes, any_sent);
  } catch (...) {
    bool awaited = false;
    {
      // The pool may repeat the job on a fresh connection, whenever there is one.
      const MutexLock lock(mutex_);
      running_ = false;
      asked_.clear();  // some may have been sent
      awaited = !waiters_.empty() && lane == imap::Lane::background;
    }
    hooks_.ended();
    // In the background that may be in hours: who began to wait meanwhile is told if there is none.
    if (awaited) submit(imap::Lane::listing);
    throw;
  }
  finish(std::nullopt);
}

// Where nothing was sent, mailboxes are named only because UIDs are missing there.
void Sender::noteSent(const std::set<MailboxId>& mailboxes, bool any_sent) {
  const auto now = Clock::now();
  if (any_sent) asked_.clear();
  for (const MailboxId mailbox : mailboxes) {
    const auto [at, is_new] = asked_.try_emplace(mailbox, now);
    if (!is_new && now - at->second < kAskAgain) continue;
    at->second = now;
    sent_.insert(mailbox);
  }
}

void Sender::finish(const std::optional<Error>& error) {
  std::vector<std::pair<Done, std::optional<Error>>> done;
  std::set<MailboxId> sent;
  bool again = false;
  bool report = false;
  {
    const MutexLock lock(mutex_);
    if (error && running_) return;  // of a job beside the one that sends
    running_ = false;
    done = settled(error);
    if (!error || !done.empty()) echo_.ended(error, Clock::now());
    // After a failure too: the pool waits as long as is right. Not if the journal can't be written
    // or we are stopping.
    const bool hopeless = error && (error->code == Code::system || error->code == Code::cancelled);
    // What waited for a UID can be sent as soon as a synchronisation has found it.
    const bool more =
        again_ || error || !store_.pending->next().empty() || store_.pending->amending();
    again = !hopeless && !queued_ && more && store_.pending->size() > 0;
    queued_ = queued_ || again;
    // In a stream of changes a look at the mailboxes after each replay would cost more than those.
    const auto now = Clock::now();
    report = error || !again || now - reported_ >= kReportEvery;
    if (report) {
      sent.swap(sent_);
      reported_ = now;
    }
  }
  if (error) hooks_.failed(*error);
  if (report) {
    hooks_.sent(sent);
    hooks_.ended();
  }
  for (const auto& [tell, what] : done) tell(what);
  if (again) submit(imap::Lane::background);
}

std::vector<std::pair<Done, std::optional<Error>>> Sender::settled(
    const std::optional<Error>& error) {
  std::vector<std::pair<Done, std::optional<Error>>> done;
  std::vector<Waiter> staying;
  const auto changes = store_.pending->changes();
  const bool idle = store_.pending->next().empty() && !store_.pending->amending();
  const bool held = store_.pending->held();
  const bool any_unseen = std::any_of(changes.begin(), changes.end(), sync::lacksUid);
  for (auto& waiter : waiters_) {
    bool left = false;
    for (const auto& change : changes) left |= change.number <= waiter.last && isWaitedFor(change);
    auto refused = refusal(waiter.since, waiter.last);
    const bool may_go_on = (held || any_unseen) && Clock::now() - waiter.began <= longest_wait_;
    const bool stuck = idle && waiter.run <= runs_ && !may_go_on;
    const bool ends = refused || !left || error || stuck;
    if (ends) waits_.erase(waiter.wait);
    if (refused || !left)
      done.emplace_back(std::move(waiter.done), std::move(refused));
    else if (error)
      done.emplace_back(std::move(waiter.done), error);
    else if (ends)
      done.emplace_back(std::move(waiter.done),
                        whyStuck(held, any_unseen, store_.pending->parked() > 0));
    else
      staying.push_back(std::move(waiter));
  }
  waiters_ = std::move(staying);
  return done;
}

std::optional<Error> Sender::refusal(std::optional<uint64_t> since, uint64_t last) {
  std::optional<Error> first;
  for (const auto& change : store_.pending->changes()) {
    if (change.state != Change::State::parked || change.number <= since.value_or(0) ||
        change.number > last)
      continue;
    // Who waits for a change of his own is told, whoever else was: his could be the one.
    const bool was_told = !told_.insert(change.number).second;
    if (first || (was_told && !since)) continue;
    first.emplace(change.error, Scope::message, "the server refused a change", change.server);
  }
  return first;
}

}  // namespace emlfs
