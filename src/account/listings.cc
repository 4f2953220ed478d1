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
  else if (const auto silence = echo(mailbox))
    giveUp(wait, *silence);
  else
    submit(mailbox, imap::Lane::listing);
}

std::optional<Error> Listings::echo(MailboxId mailbox) const {
  const MutexLock lock(mutex_);
  const auto at = echoes_.find(mailbox);
  return at == echoes_.end() ? std::nullopt : at->second.at(Clock::now());
}

void Listings::giveUp(WaitId wait, const Error& error) {
  Done done;
  {
    const MutexLock lock(mutex_);
    const auto at = waits_.find(wait);
    if (at == waits_.end()) return;
    done = std::move(at->second.done);
    waits_.erase(at);
  }
  done(error);
}

void Listings::cancel(WaitId wait) {
  {
    const MutexLock lock(mutex_);
    const auto at = waits_.find(wait);
    if (at == waits_.end()) return;
    if (!at->second.done) {
      at->second.cancelled = true;
      return;
    }
  }
  giveUp(wait, interruption());
}

void Listings::refresh(MailboxId mailbox) {
  submit(mailbox, imap::Lane::background);
}

void Listings::submit(MailboxId mailbox, imap::Lane lane) {
  std::string wire;
  if (const auto record = store_.cache.snapshot()->mailbox(mailbox)) wire = record->wire;
  {
    const MutexLock lock(mutex_);
    Work& work = work_[mailbox];
    if (work.running) {
      work.again |= lane == imap::Lane::background;
      return;
    }
    // One in the background that has not begun is overtaken by one that somebody waits for.
    if (work.queued.count(imap::Lane::listing) != 0 || !work.queued.insert(lane).second) return;
  }
  imap::Job job;
  job.lane = lane;
  job.mailbox = wire;
  job.doing = "listing " + wire;
  job.run = [this, mailbox, lane](imap::Session& session) { run(session, mailbox, lane); };
  job.failed = [this, mailbox, lane](const Error& error) { failed(mailbox, lane, error); };
  pool_.submit(std::move(job));
}

void Listings::run(imap::Session& session, MailboxId mailbox, imap::Lane lane) {
  bool believe_empty = false;
  {
    const MutexLock lock(mutex_);
    const auto at = work_.find(mailbox);
    if (at == work_.end()) return;  // the overtaken one
    Work& work = at->second;
    work.queued.erase(lane);
    if (work.running) {
      work.owed |= lane == imap::Lane::background;
      return;
    }
    work.running = true;
    believe_empty = doubted_.erase(mailbox) != 0;
  }
  try {
    sync::syncMailbox(
        session, store_, mailbox,
        [&](const sync::TreeChange& change) {
          on_change_(change);
          announce(mailbox);
        },
        believe_empty);
  } catch (const sync::Postponed&) {
    postpone(mailbox);
    return;
  } catch (const Error& error) {
    broke(mailbox, lane, error.code == Code::stale && error.scope == Scope::connection);
    throw;
  } catch (...) {
    broke(mailbox, lane, false);
    throw;
  }
  {
    const MutexLock lock(mutex_);
    synced_[mailbox] = Clock::now();
  }
  settle(mailbox, std::nullopt);
}

void Listings::broke(MailboxId mailbox, imap::Lane lane, bool doubtful) {
  const MutexLock lock(mutex_);
  Work& work = work_[mailbox];
  work.running = false;
  work.queued.insert(lane);
  if (doubtful) doubted_.insert(mailbox);
}

void Listings::failed(MailboxId mailbox, imap::Lane lane, const Error& error) {
  {
    const MutexLock lock(mutex_);
    if (const auto at = work_.find(mailbox); at != work_.end()) {
      Work& work = at->second;
      work.queued.erase(lane);
      const bool overtaken = lane == imap::Lane::background && !work.queued.empty();
      if (overtaken) work.owed = true;
      if (overtaken || work.running) return;
    }
  }
  settle(mailbox, error);
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
    if (const auto at = work_.find(mailbox); at != work_.end()) {
      Work& work = at->second;
      again = work.again || (error && work.owed);
      if (error && !work.queued.empty()) {
        again = false;  // the one in the background comes after all
        work.running = work.again = work.owed = false;
      } else {
        work_.erase(at);
      }
    }
    for (auto at = waits_.begin(); at != waits_.end();) {
      if (at->second.mailbox == mailbox && at->second.done) {
        waiting.push_back(std::move(at->second.done));
        at = waits_.erase(at);
      } else {
        ++at;
      }
    }
    if (!error)
      echoes_.erase(mailbox);
    else if (!waiting.empty())
      echoes_[mailbox].ended(error, Clock::now());
  }
  on_end_(error);
  for (const auto& done : waiting) done(error);
  if (again) refresh(mailbox);
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
