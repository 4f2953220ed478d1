#include "account/listings.h"

#include <utility>

namespace emlfs {
namespace {

Error interruption() {
  return Error(Code::cancelled, Scope::message, "interrupted");
}

}  // namespace

WaitId Listings::newWait() {
  const MutexLock lock(mutex_);
  waits_.try_emplace(++last_wait_);
  return last_wait_;
}

bool Listings::reached(MailboxId mailbox, Uid beyond) const {
  const auto record = store_.cache.snapshot()->mailbox(mailbox);
  return !record || !record->selectable || record->state.complete ||
         record->state.listed_to > beyond;
}

void Listings::whenListed(WaitId wait, MailboxId mailbox, Uid beyond, Done done) {
  {
    MutexLock lock(mutex_);
    const auto at = waits_.find(wait);
    if (at == waits_.end() || at->second.cancelled) {
      waits_.erase(wait);
      lock.unlock();
      done(interruption());
      return;
    }
    at->second.mailbox = mailbox;
    at->second.beyond = beyond;
    at->second.done = std::move(done);
  }
  // Registered first, then looked: a commit in between is seen by one of the two.
  if (reached(mailbox, beyond))
    announce(mailbox);
  else
    submit(mailbox, imap::Lane::listing);
}

void Listings::cancel(WaitId wait) {
  Done done;
  {
    const MutexLock lock(mutex_);
    const auto at = waits_.find(wait);
    if (at == waits_.end()) return;
    if (!at->second.done) {
      at->second.cancelled = true;
      return;
    }
    done = std::move(at->second.done);
    waits_.erase(at);
  }
  done(interruption());
}

void Listings::refresh(MailboxId mailbox) {
  submit(mailbox, imap::Lane::background);
}

void Listings::submit(MailboxId mailbox, imap::Lane lane) {
  std::string wire;
  if (const auto record = store_.cache.snapshot()->mailbox(mailbox)) wire = record->wire;
  {
    const MutexLock lock(mutex_);
    auto [work, fresh] = work_.try_emplace(mailbox);
    const bool urgent = lane == imap::Lane::listing;
    if (work->second.running && !urgent) work->second.again = true;
    // One in the background that has not begun is overtaken by one that somebody waits for.
    if (!fresh && (work->second.running || work->second.urgent || !urgent)) return;
    work->second.urgent = urgent;
  }
  imap::Job job;
  job.lane = lane;
  job.mailbox = wire;
  job.doing = "listing " + wire;
  job.run = [this, mailbox](imap::Session& session) { run(session, mailbox); };
  job.failed = [this, mailbox, lane](const Error& error) {
    if (!overtaken(mailbox, lane)) settle(mailbox, error);
  };
  pool_.submit(std::move(job));
}

void Listings::run(imap::Session& session, MailboxId mailbox) {
  {
    const MutexLock lock(mutex_);
    const auto work = work_.find(mailbox);
    if (work == work_.end() || work->second.running) return;  // the overtaken one
    work->second.running = true;
  }
  try {
    sync::syncMailbox(session, store_, mailbox, [&](const sync::TreeChange& change) {
      on_change_(change);
      announce(mailbox);
    });
  } catch (const sync::Postponed&) {
    postpone(mailbox);
    return;
  } catch (...) {
    // The pool may repeat the job on a fresh connection.
    const MutexLock lock(mutex_);
    const auto work = work_.find(mailbox);
    if (work != work_.end()) work->second.running = false;
    throw;
  }
  {
    const MutexLock lock(mutex_);
    synced_[mailbox] = Clock::now();
  }
  settle(mailbox, std::nullopt);
}

bool Listings::overtaken(MailboxId mailbox, imap::Lane lane) const {
  const MutexLock lock(mutex_);
  const auto work = work_.find(mailbox);
  return lane == imap::Lane::background && work != work_.end() && work->second.urgent;
}

// Whoever waits goes on doing so.
void Listings::postpone(MailboxId mailbox) {
  {
    const MutexLock lock(mutex_);
    work_.erase(mailbox);
    postponed_.insert(mailbox);
  }
  // Registered first, then looked: the end in between is seen by one of the two.
  if (!receives(mailbox)) resume();
}

bool Listings::receives(MailboxId mailbox) const {
  const auto record = store_.cache.snapshot()->mailbox(mailbox);
  return record && store_.pending->receives(record->wire);
}

void Listings::resume() {
  std::set<MailboxId> mailboxes;
  std::set<MailboxId> awaited;
  {
    const MutexLock lock(mutex_);
    mailboxes.swap(postponed_);
    for (const auto& [id, wait] : waits_)
      if (wait.done) awaited.insert(wait.mailbox);
  }
  for (const MailboxId mailbox : mailboxes)
    submit(mailbox, awaited.count(mailbox) != 0 ? imap::Lane::listing : imap::Lane::background);
}

void Listings::settle(MailboxId mailbox, const std::optional<Error>& error) {
  std::vector<Done> waiting;
  bool again = false;
  {
    const MutexLock lock(mutex_);
    const auto work = work_.find(mailbox);
    if (work != work_.end()) {
      again = work->second.again;
      work_.erase(work);
    }
    for (auto at = waits_.begin(); at != waits_.end();) {
      if (at->second.mailbox == mailbox && at->second.done) {
        waiting.push_back(std::move(at->second.done));
        at = waits_.erase(at);
      } else {
        ++at;
      }
    }
  }
  on_end_(error);
  for (const auto& done : waiting) done(error);
  if (again && !error) refresh(mailbox);
}

void Listings::announce(MailboxId mailbox) {
  std::vector<Done> waiting;
  const auto record = store_.cache.snapshot()->mailbox(mailbox);
  {
    const MutexLock lock(mutex_);
    for (auto at = waits_.begin(); at != waits_.end();) {
      const auto& wait = at->second;
      const bool over = wait.done && wait.mailbox == mailbox &&
                        (!record || !record->selectable || record->state.complete ||
                         record->state.listed_to > wait.beyond);
      if (over) {
        waiting.push_back(std::move(at->second.done));
        at = waits_.erase(at);
      } else {
        ++at;
      }
    }
  }
  for (const auto& done : waiting) done(std::nullopt);
}

std::optional<Clock::time_point> Listings::lastSync(MailboxId mailbox) const {
  const MutexLock lock(mutex_);
  const auto at = synced_.find(mailbox);
  if (at == synced_.end()) return std::nullopt;
  return at->second;
}

}  // namespace emlfs
