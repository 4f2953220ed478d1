// What became of changes that were sent.
#include <algorithm>
#include <ctime>
#include <utility>

#include "emlfs/base/log.h"
#include "emlfs/sync/pending.h"
#include "sync/overlay.h"
#include "sync/pending_turn.h"

namespace emlfs::sync {

using store::Change;

namespace {

// A daemon that has ended since may have waited for the answer until then.
constexpr std::chrono::minutes kRecently{1};

}  // namespace

void Pending::begin(const Run& run, const Change::Destination& destination) {
  store::Batch batch;
  for (Change change : run) {
    change.state = Change::State::begun;
    change.destination = destination;
    change.begun_at = std::time(nullptr);
    batch.update.push_back(std::move(change));
  }
  {
    const MutexLock lock(mutex_);
    ++receiving_[run.front().mailbox];
  }
  try {
    commit(std::move(batch));
  } catch (...) {
    end(run.front().mailbox);
    throw;
  }
}

void Pending::end(const std::string& mailbox) {
  const MutexLock lock(mutex_);
  const auto at = receiving_.find(mailbox);
  if (at != receiving_.end() && --at->second == 0) receiving_.erase(at);
}

void Pending::copied(const Run& run) {
  store::Batch batch;
  batch.update = run;
  for (Change& change : batch.update) change.state = Change::State::copied;
  commit(std::move(batch));
}

void Pending::unanswered(const Run& run, Clock::duration since) {
  const MutexLock lock(mutex_);
  for (const Change& change : run)
    if (changes_.contains(change.number)) unanswered_[change.number] = since;
}

Clock::duration Pending::unanswered(const Run& run) const {
  const MutexLock lock(mutex_);
  Clock::duration longest{0};
  for (const Change& change : run) {
    if (const auto at = unanswered_.find(change.number); at != unanswered_.end()) {
      longest = std::max(longest, at->second);
    } else if (const std::chrono::seconds since{std::time(nullptr) - change.begun_at};
               change.begun_at != 0 && since <= kRecently) {
      longest = std::max<Clock::duration>(longest, since + std::chrono::seconds(1));
    }
  }
  return longest;
}

// Changes of the same message behind that one.
std::vector<Change> Pending::later(MessageId id, uint64_t number) const {
  std::vector<Change> found;
  const auto of = of_.find(id);
  if (of == of_.end()) return found;
  for (auto at = of->second.upper_bound(number); at != of->second.end(); ++at)
    found.push_back(changes_.at(*at));
  return found;
}

Run Pending::followers(const Change& append) const {
  const MutexLock lock(mutex_);
  return later(append.id, append.number);
}

void Pending::doubt(const Run& run) {
  store::Batch batch;
  batch.update = run;
  for (Change& change : batch.update) {
    change.state = Change::State::begun;
    change.recovered = true;
    change.destination.uid = 0;
  }
  commit(std::move(batch));
}

void Pending::reset(const Run& run) {
  store::Batch batch;
  batch.update = run;
  for (Change& change : batch.update) change.state = Change::State::pending;
  commit(std::move(batch));
}

void Pending::done(std::span<const Bound> bound, const Run& dropped) {
  std::set<MessageId> ids;
  {
    const MutexLock lock(mutex_);
    for (const auto& [number, place] : bound)
      if (const auto at = changes_.find(number); at != changes_.end()) ids.insert(at->second.id);
  }
  const Turn turn(*this, std::move(ids));
  store::Batch batch;
  for (const Change& change : dropped) batch.remove.push_back(change.number);
  {
    const MutexLock lock(mutex_);
    for (const auto& [number, place] : bound) {
      const auto at = changes_.find(number);
      if (at == changes_.end()) continue;
      for (Change next : later(at->second.id, number)) {
        next.source = place;
        batch.update.push_back(std::move(next));
      }
      if (place.uid != 0) {
        batch.remove.push_back(number);
        // Where nothing takes it any further the name goes along with the message, though flags may
        // follow: from here on a person renames what has that UID, and what is older may not come
        // after that.
        const store::NameKey key{{}, 0, 0, at->second.id};
        const auto kind = at->second.kind;
        const bool brought = kind == Change::Kind::move || kind == Change::Kind::append;
        // UIDs are not given twice: nobody will ask for that name any more.
        if (const auto& from = at->second.source; kind == Change::Kind::move && from.uid != 0)
          batch.remove_names.push_back({from.mailbox, from.uid_validity, from.uid, {}});
        auto given = brought && !moves(at->second.id, number) ? journal_.name(key) : std::nullopt;
        if (given) {
          batch.remove_names.push_back(key);
          given->key = {place.mailbox, place.uid_validity, place.uid, {}};
          given->message_id = at->second.source.message_id;
          given->date = at->second.date.seconds;
          batch.put_names.push_back(std::move(*given));
        }
        continue;
      }
      Change change = at->second;
      change.state = Change::State::copied;
      change.source = place;
      batch.update.push_back(std::move(change));
    }
  }
  commit(std::move(batch));
}

Run Pending::park(const Run& run, const Error& error) {
  std::set<MessageId> ids;
  for (const Change& change : run)
    if (!ofMailboxes(change)) ids.insert(change.id);
  const Turn turn(*this, std::move(ids));
  store::Batch batch;
  Run parked;
  {
    const MutexLock lock(mutex_);
    for (const Change& sent : run) {
      const auto at = changes_.find(sent.number);
      if (at == changes_.end()) continue;  // void meanwhile
      const Change& change = at->second;
      parked.push_back(change);
      for (Change next : later(change.id, change.number)) {
        if (next.source.uid != 0) continue;
        if (change.kind == Change::Kind::append) {
          parked.push_back(std::move(next));
          continue;
        }
        // What was to happen to the message in its new place is now about the old one.
        next.source = change.source;
        batch.update.push_back(std::move(next));
      }
      if (change.kind != Change::Kind::append) continue;
      for (const auto& [number, other] : changes_)
        if (isReplaced(other) && other.spool == change.spool) parked.push_back(other);
    }
  }
  if (parked.empty()) return parked;
  for (Change& change : parked) {
    // Sent after all one day, it is looked for first.
    const bool arrives = change.kind == Change::Kind::append || change.kind == Change::Kind::move;
    const bool sent = change.state == Change::State::begun || change.state == Change::State::copied;
    change.recovered |= arrives && sent;
    change.state = Change::State::parked;
    change.error = error.code;
    change.server = error.server.empty() ? error.what() : error.server;
    batch.update.push_back(change);
  }
  commit(std::move(batch));
  return parked;
}

void Pending::drop(const Run& run) {
  store::Batch batch;
  for (const Change& change : run) batch.remove.push_back(change.number);
  commit(std::move(batch));
}

void Pending::vanished(MessageId id) {
  const Turn turn(*this, {id});
  store::Batch batch;
  {
    const MutexLock lock(mutex_);
    const auto of = of_.find(id);
    if (of == of_.end()) return;
    batch.remove.assign(of->second.begin(), of->second.end());
    log::info("{} changes are void, since another client has taken message {}", batch.remove.size(),
              changes_.at(*of->second.begin()).source.message_id);
  }
  commit(std::move(batch));
}

Run Pending::replaced(const std::vector<MessageId>& ids, const std::string& wire) {
  Run lost;
  for (const MessageId id : ids) {
    Run its;
    {
      const MutexLock lock(mutex_);
      its = later(id, 0);
    }
    std::erase_if(its, [](const Change& change) { return change.state == Change::State::parked; });
    // The old version of a message has gone, which is all that was wanted.
    if (!its.empty() && isReplaced(its.front()))
      vanished(id);
    else
      lost.insert(lost.end(), its.begin(), its.end());
  }
  if (lost.empty()) return lost;
  log::warning("{}: {} changes can't be done, since its messages were replaced", wire, lost.size());
  return park(lost, Error(Code::stale, Scope::mailbox,
                          "the server has replaced the messages of " + wire +
                              ", or has given them other UIDs: which one was meant is not known"));
}

std::set<MessageId> Pending::orphans() const {
  const MutexLock lock(mutex_);
  std::set<MessageId> ids;
  for (const auto& [id, numbers] : of_) {
    for (const uint64_t number : numbers) {
      const Change& first = changes_.at(number);
      if (first.state == Change::State::parked) continue;
      const bool to_be_sent = first.kind == Change::Kind::append && !lacksUid(first);
      if (first.source.uid == 0 && !to_be_sent) ids.insert(id);
      break;
    }
  }
  return ids;
}

void Pending::adopt(MessageId id, const store::MessageRef& place) {
  store::Batch batch;
  {
    const MutexLock lock(mutex_);
    const auto of = of_.find(id);
    if (of == of_.end()) return;
    for (const uint64_t number : of->second) {
      Change change = changes_.at(number);
      if (change.state == Change::State::parked) continue;
      if (change.source.uid != 0) return;  // no longer an orphan
      change.source = place;
      batch.update.push_back(std::move(change));
      if (batch.update.back().kind == Change::Kind::move) break;  // what follows is about later
    }
  }
  commit(std::move(batch));
}

Run Pending::forgetOrphan(MessageId id) {
  const Turn turn(*this, {id});
  Run lost;
  {
    const MutexLock lock(mutex_);
    const auto of = of_.find(id);
    if (of == of_.end()) return lost;
    for (const uint64_t number : of->second) {
      const Change& change = changes_.at(number);
      if (change.state == Change::State::parked) continue;
      const bool is_known = change.source.uid != 0 || lacksUid(change);
      if (is_known || change.kind == Change::Kind::append) break;
      lost.push_back(change);
    }
  }
  if (!lost.empty()) drop(lost);
  return lost;
}

void Pending::found(MessageId id, const store::MessageRef& place) {
  std::vector<Bound> bound;
  {
    const MutexLock lock(mutex_);
    const auto of = of_.find(id);
    if (of == of_.end()) return;
    for (const uint64_t number : of->second)
      if (lacksUid(changes_.at(number))) bound.push_back({number, place});
  }
  done(bound);
}

}  // namespace emlfs::sync
