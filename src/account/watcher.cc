#include "account/watcher.h"

#include <algorithm>
#include <utility>

#include "emlfs/base/log.h"
#include "emlfs/view/names.h"

namespace emlfs {
namespace {

// For how long at least a mailbox is listened to, whatever else is looked at: a walk over all of
// them would change it all the time.
constexpr Milliseconds kLeast{10'000};
constexpr unsigned kMostNotifyFailures = 3;
// For how long after a change, or after somebody looked, the server is asked every kSlice.
constexpr Milliseconds kLively{60'000};
constexpr Milliseconds kSlice{1'500};
// A connection that no longer tells is replaced, but not more often.
constexpr Milliseconds kLeastOnOne{30'000};

}  // namespace

Watcher::Watcher(imap::Pool& pool, const store::Cache& cache, unsigned connections,
                 Milliseconds probe, Hooks hooks)
    : pool_(pool), cache_(cache), probe_(probe), hooks_(std::move(hooks)), slots_(connections) {}

void Watcher::start() {
  bool any = false;
  {
    const MutexLock lock(mutex_);
    any = !slots_.empty();
  }
  if (any) submit(0);
}

void Watcher::stop() {
  const MutexLock lock(mutex_);
  stopping_ = true;
}

void Watcher::used(MailboxId mailbox) {
  stirred();
  const auto record = cache_.snapshot()->mailbox(mailbox);
  if (!record || !record->selectable || record->unborn || record->wire == "INBOX") return;
  const size_t first = inbox() ? 1 : 0;
  size_t chosen = 0;
  bool idle_free = false;
  {
    const MutexLock lock(mutex_);
    if (method_ != Method::idle || slots_.size() <= first || stopping_) return;
    chosen = first;
    for (size_t i = first; i < slots_.size(); ++i) {
      if (slots_[i].mailbox == mailbox) return;
      if (slots_[i].since < slots_[chosen].since) chosen = i;
    }
    Slot& slot = slots_[chosen];
    const Clock::time_point now = Clock::now();
    if (slot.mailbox && now - slot.since < kLeast) return;
    slot.mailbox = mailbox;
    slot.since = now;
    if (slot.session != nullptr) slot.session->wake();
    idle_free = !slot.submitted;
  }
  if (idle_free) submit(chosen);
}

void Watcher::tryAgain() {
  {
    const MutexLock lock(mutex_);
    if (!std::exchange(refused_, false)) return;
  }
  submit(0);
}

Watcher::Status Watcher::status() const {
  const MutexLock lock(mutex_);
  Status status{method_, {}};
  for (const Slot& slot : slots_)
    if (slot.session != nullptr && !slot.wire.empty()) status.mailboxes.push_back(slot.wire);
  return status;
}

void Watcher::submit(size_t slot) {
  imap::Job job;
  job.lane = imap::Lane::watch;
  job.doing = "watching";
  bool one = false;
  {
    const MutexLock lock(mutex_);
    if (stopping_ || std::exchange(slots_[slot].submitted, true)) return;
    one = method_ == Method::idle;
    if (method_ == Method::notify) job.doing = "watching all mailboxes";
  }
  if (const auto mailbox = one ? target(slot) : std::nullopt) {
    if (const auto record = cache_.snapshot()->mailbox(*mailbox)) {
      job.mailbox = record->wire;
      job.doing = "watching " + record->wire;
    }
  }
  job.run = [this, slot](imap::Session& session) {
    run(session, slot);
    ended(slot, std::nullopt);
  };
  job.failed = [this, slot](const Error& error) { ended(slot, error); };
  pool_.submit(std::move(job));
}

void Watcher::ended(size_t slot, const std::optional<Error>& error) {
  bool again = true;
  const bool chosen = slot > 0 || !inbox();
  {
    const MutexLock lock(mutex_);
    slots_[slot].submitted = false;
    if (stopping_) return;
    if (method_ == Method::none && !error) again = false;  // the server has neither
    if (slot > 0 || (chosen && !error && method_ == Method::idle))
      again = slots_[slot].mailbox && method_ == Method::idle;
    if (error && error->scope != Scope::connection && error->scope != Scope::account) {
      // A mailbox that is gone, or that nobody may look into. Without NOTIFY there is still IDLE.
      slots_[slot].mailbox.reset();
      again = slot == 0 && method_ == Method::notify;
      refused_ = slot == 0 && !again;
    }
  }
  // What is stale is only to be begun anew.
  if (error && error->code != Code::cancelled && error->code != Code::stale) hooks_.failed(*error);
  if (error && error->code == Code::cancelled) again = false;
  if (again) submit(slot);
}

void Watcher::run(imap::Session& session, size_t slot) {
  const bool chosen = [&] {
    const MutexLock lock(mutex_);
    return slots_[slot].mailbox.has_value();
  }();
  // What was missed. Who only goes on to another mailbox has missed nothing.
  if (slot == 0 && !chosen) hooks_.refresh_all(session);
  bool notify = slot == 0 && session.capabilities().has("NOTIFY");
  {
    const MutexLock lock(mutex_);
    notify = notify && notify_failures_ < kMostNotifyFailures;
    const bool idle = session.capabilities().has("IDLE");
    method_ = notify ? Method::notify : idle ? Method::idle : Method::none;
    if (method_ == Method::none) return;
  }
  if (notify)
    followAll(session);
  else if (slot > 0 || target(slot))  // without INBOX there is nothing until somebody looks
    follow(session, slot);
}

// Nothing is asked because of a mailbox that nobody sees here.
void Watcher::dropHidden(std::map<std::string, MailboxStatus>& statuses) const {
  if (statuses.empty()) return;
  for (const auto& record : cache_.snapshot()->mailboxes()) {
    if (!record.hidden) continue;
    statuses.erase(record.wire);
    // Dovecot 2.3 writes it so.
    if (const auto name = view::decodeUtf7(record.wire)) statuses.erase(*name);
  }
}

void Watcher::followAll(imap::Session& session) {
  imap::Push push;
  try {
    push = session.notify();
  } catch (const Error& error) {
    const MutexLock lock(mutex_);
    const bool refused = error.scope == Scope::mailbox || error.scope == Scope::message;
    if (error.code != Code::stale) notify_failures_ += refused ? kMostNotifyFailures : 1;
    throw;
  }
  {
    const MutexLock lock(mutex_);
    notify_failures_ = 0;
  }
  push.mailboxes = true;  // some may have come between the last list and this
  const Clock::time_point began = Clock::now();
  Clock::time_point asked = began;
  for (std::optional<imap::Push> next = std::move(push); next && !next->woken;) {
    dropHidden(next->statuses);
    if (!next->empty()) stirred();
    // Not on this connection: what comes meanwhile would be taken for an answer.
    if (next->mailboxes) hooks_.mailboxes();
    if (!next->statuses.empty()) hooks_.statuses(next->statuses);
    // Dovecot 2.3 falls silent after a burst of changes, and tells again on a new connection.
    const bool mute = next->late && Clock::now() - began > kLeastOnOne;
    if (next->overflow || mute)
      throw Error(Code::stale, Scope::connection, "the server no longer tells of changes");
    // While something goes on, what the server forgets to push is asked for.
    const bool ask = lively() || Clock::now() - asked >= probe_;
    if (ask) asked = Clock::now();
    next = listen(session, 0, std::min(probe_, kSlice), ask);
  }
}

void Watcher::follow(imap::Session& session, size_t slot) {
  const auto mailbox = target(slot);
  const auto record = mailbox ? cache_.snapshot()->mailbox(*mailbox) : std::nullopt;
  if (!record || !record->selectable)
    throw Error(Code::not_found, Scope::mailbox, "the mailbox to watch is not there");
  {
    const MutexLock lock(mutex_);
    slots_[slot].wire = record->wire;
  }
  session.examine(record->wire);
  for (bool changed = true;;) {
    if (changed) hooks_.changed(*mailbox);
    const auto push = listen(session, slot, probe_, true);
    if (!push || push->woken || target(slot) != mailbox) return;
    changed = push->selected;
  }
}

// Absent: it is time to stop.
std::optional<imap::Push> Watcher::listen(imap::Session& session, size_t slot, Milliseconds limit,
                                          bool ask) {
  {
    const MutexLock lock(mutex_);
    if (stopping_) return std::nullopt;
    slots_[slot].session = &session;
  }
  const auto leave = [&] {
    const MutexLock lock(mutex_);
    slots_[slot].session = nullptr;
  };
  try {
    imap::Push push = session.listen(limit, ask);
    leave();
    return push;
  } catch (...) {
    leave();
    throw;
  }
}

bool Watcher::lively() const {
  const MutexLock lock(mutex_);
  return Clock::now() < lively_until_;
}

void Watcher::stirred() {
  const MutexLock lock(mutex_);
  lively_until_ = Clock::now() + kLively;
}

std::optional<MailboxId> Watcher::inbox() const {
  std::optional<MailboxId> found;
  for (const auto& record : cache_.snapshot()->mailboxes())
    if (record.wire == "INBOX" && !record.hidden) found = record.id;
  return found;
}

std::optional<MailboxId> Watcher::target(size_t slot) const {
  if (slot == 0)
    if (const auto shown = inbox()) return shown;
  const MutexLock lock(mutex_);
  return slots_[slot].mailbox;
}

}  // namespace emlfs
