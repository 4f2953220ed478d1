#include "emlfs/sync/pending.h"

#include <algorithm>
#include <cctype>
#include <tuple>
#include <utility>

#include "emlfs/base/fail_point.h"
#include "emlfs/base/log.h"
#include "sync/overlay.h"
#include "sync/pending_turn.h"

namespace emlfs::sync {
namespace {

using store::Change;

constexpr size_t kLongestRun = 1'000;

// By an append it gets a successor, and is not to go before that has arrived.
bool isReplaced(const Change& change) {
  return change.kind != Change::Kind::append && !change.spool.empty();
}

bool sendable(const Change& change) {
  if (change.state == Change::State::parked || lacksUid(change) || unfinished(change)) return false;
  return ofMailboxes(change) || change.kind == Change::Kind::append || change.source.uid != 0;
}

bool fitTogether(const Change& a, const Change& b) {
  if (a.kind == Change::Kind::append)
    return b.kind == a.kind && a.state == b.state && a.mailbox == b.mailbox;
  return a.kind == b.kind && a.state == b.state && a.source.mailbox == b.source.mailbox &&
         a.source.uid_validity == b.source.uid_validity && a.mailbox == b.mailbox &&
         a.add == b.add && a.remove == b.remove && !ofMailboxes(a);
}

// What a change speaks of, by the names of now and by those to come.
std::vector<std::string> names(const Change& change) {
  std::vector<std::string> all;
  for (const auto* name : {&change.source.mailbox, &change.mailbox, &change.other}) {
    if (name->empty()) continue;
    all.push_back(*name);
    if (auto real = realName(*name); real != *name) all.push_back(std::move(real));
  }
  return all;
}

// The same mailbox, or one below the other. What separates levels isn't known here, and to wait in
// vain does no harm: all that is waited for comes earlier.
bool related(std::string_view one, std::string_view other) {
  if (one.size() > other.size()) std::swap(one, other);
  if (!other.starts_with(one)) return false;
  return one.size() == other.size() ||
         std::ispunct(static_cast<unsigned char>(other[one.size()])) != 0;
}

// Of messages in it: as far as these mailboxes are concerned, it is one of them or below one.
bool moved(const std::set<std::string>& mailboxes, const std::vector<std::string>& names) {
  return std::any_of(mailboxes.begin(), mailboxes.end(), [&](const std::string& mailbox) {
    return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
      return mailbox.size() <= name.size() && related(mailbox, name);
    });
  });
}

bool overlap(const std::set<std::string>& some, const std::vector<std::string>& others) {
  return std::any_of(some.begin(), some.end(), [&](const std::string& one) {
    return std::any_of(others.begin(), others.end(),
                       [&](const std::string& other) { return related(one, other); });
  });
}

void rewrite(std::string& name, const std::string& from, const std::string& to, char delimiter) {
  if (isWithin(name, from, delimiter)) name = to + name.substr(from.size());
}

// Of a mailbox under its new name.
void follow(const Renamed& renamed, const std::string& mailbox, UidValidity& validity, Uid& uid) {
  const auto at = renamed.revalued.find(mailbox);
  if (at == renamed.revalued.end() || at->second.before != validity) return;
  const auto now = at->second.uids.find(uid);
  if (uid != 0 && now == at->second.uids.end()) return;  // void, as the server's doing says
  validity = at->second.now;
  if (uid != 0) uid = now->second;
}

void follow(const Renamed& renamed, Change& change) {
  if (renamed.from.empty()) return;
  const auto object = [&](std::string& name) {
    rewrite(name, renamed.from, renamed.to, renamed.delimiter);
  };
  // A new name is as it will be but for the levels above.
  const auto target = [&](std::string& name) {
    if (name != renamed.from) object(name);
  };
  object(change.source.mailbox);
  if (change.kind == Change::Kind::create_mailbox)
    target(change.mailbox);
  else
    object(change.mailbox);
  target(change.other);
  auto& source = change.source;
  follow(renamed, source.mailbox, source.uid_validity, source.uid);
  auto& destination = change.destination;
  const auto before = destination.uid_validity;
  follow(renamed, change.mailbox, destination.uid_validity, destination.uid);
  if (destination.uid_validity != before) destination.uid_next = 0;
}

void follow(const Renamed& renamed, store::GivenName& given) {
  if (renamed.from.empty()) return;
  rewrite(given.key.mailbox, renamed.from, renamed.to, renamed.delimiter);
  rewrite(given.directory, renamed.from, renamed.to, renamed.delimiter);
  follow(renamed, given.key.mailbox, given.key.uid_validity, given.key.uid);
}

}  // namespace

bool lacksUid(const Change& change) {
  return change.state == Change::State::copied && change.source.uid == 0;
}

Pending::Pending(store::Journal& journal) : journal_(journal) {
  const MutexLock lock(mutex_);
  for (const auto& change : journal_.changes()) load(change);
}

void Pending::load(const Change& change) {
  forget(change.number);
  changes_[change.number] = change;
  if (ofMailboxes(change)) {
    mailboxes_.insert(change.number);
    return;
  }
  of_[change.id].insert(change.number);
  const auto& source = change.source;
  if (source.uid != 0) ids_[{source.mailbox, source.uid_validity, source.uid}] = change.id;
}

void Pending::forget(uint64_t number) {
  const auto at = changes_.find(number);
  if (at == changes_.end()) return;
  mailboxes_.erase(number);
  const auto& source = at->second.source;
  const auto of = of_.find(at->second.id);
  if (of != of_.end()) {
    of->second.erase(number);
    bool named = false;
    for (const uint64_t other : of->second) named |= changes_.at(other).source == source;
    if (!named) ids_.erase({source.mailbox, source.uid_validity, source.uid});
    if (of->second.empty()) of_.erase(of);
  }
  changes_.erase(at);
}

void Pending::commit(store::Batch batch) {
  const auto numbers = journal_.commit(batch);
  failPoint("pending: committed");
  const MutexLock lock(mutex_);
  for (size_t i = 0; i < batch.add.size(); ++i) {
    batch.add[i].number = numbers[i];
    if (const auto written = journal_.change(numbers[i])) load(*written);
  }
  for (const auto& change : batch.update)
    if (changes_.count(change.number) != 0) load(change);
  for (const uint64_t number : batch.remove) forget(number);
}

uint64_t Pending::size() const {
  const MutexLock lock(mutex_);
  return changes_.size();
}

uint64_t Pending::parked() const {
  const MutexLock lock(mutex_);
  return static_cast<uint64_t>(
      std::count_if(changes_.begin(), changes_.end(),
                    [](const auto& each) { return each.second.state == Change::State::parked; }));
}

uint64_t Pending::latest() const {
  const MutexLock lock(mutex_);
  return changes_.empty() ? 0 : changes_.rbegin()->first;
}

std::vector<Change> Pending::changes() const {
  const MutexLock lock(mutex_);
  std::vector<Change> all;
  for (const auto& [number, change] : changes_) all.push_back(change);
  return all;
}

std::vector<MessageId> Pending::messages() const {
  const MutexLock lock(mutex_);
  std::vector<MessageId> all;
  for (const auto& [id, numbers] : of_) all.push_back(id);
  return all;
}

std::optional<Outlook> Pending::outlook(MessageId id) const {
  const MutexLock lock(mutex_);
  const auto of = of_.find(id);
  if (of == of_.end()) return std::nullopt;
  Outlook outlook;
  for (const uint64_t number : of->second) {
    const Change& change = changes_.at(number);
    if (change.state == Change::State::parked) continue;
    if (change.kind == Change::Kind::move) {
      outlook.directory = change.mailbox;
      outlook.leaving |= change.state != Change::State::pending && !lacksUid(change);
    }
    if (change.kind == Change::Kind::flags) {
      outlook.add = changed(outlook.add, change.add, change.remove);
      outlook.remove = changed(outlook.remove, change.remove, change.add);
    }
    outlook.expunged |= change.kind == Change::Kind::expunge;
  }
  outlook.deleted = outlook.expunged || outlook.add.has("\\Deleted");
  return outlook;
}

std::optional<MessageId> Pending::idOf(const std::string& mailbox, UidValidity validity,
                                       Uid uid) const {
  const MutexLock lock(mutex_);
  const auto found = ids_.find({mailbox, validity, uid});
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<MessageId> Pending::claimant(const std::string& mailbox,
                                           const MessageMeta& meta) const {
  const MutexLock lock(mutex_);
  std::optional<MessageId> only;
  for (const auto& [number, change] : changes_) {
    if (!lacksUid(change) || change.mailbox != mailbox) continue;
    if (meta.uid < change.destination.uid_next || change.source.size != meta.size ||
        change.source.message_id != meta.header.message_id)
      continue;
    // The zone of what was sent is ours; some servers give another.
    const bool sent_here = change.kind == Change::Kind::append;
    if (sent_here ? change.date.seconds != meta.date.seconds : change.date != meta.date) continue;
    if (only && *only != change.id) return std::nullopt;
    only = change.id;
  }
  return only;
}

std::optional<std::string> Pending::nameOf(const store::NameKey& key) const {
  const auto given = journal_.name(key);
  return given ? std::optional(given->name) : std::nullopt;
}

std::set<MessageId> Pending::expected(const std::string& mailbox) const {
  const MutexLock lock(mutex_);
  std::set<MessageId> ids;
  for (const auto& [number, change] : changes_)
    if (lacksUid(change) && change.mailbox == mailbox) ids.insert(change.id);
  return ids;
}

bool Pending::receives(const std::string& mailbox) const {
  // Under its new name it may show messages that were sent into it under the old one.
  if (renames(mailbox)) return true;
  const MutexLock lock(mutex_);
  if (receiving_.count(mailbox) != 0) return true;
  return std::any_of(changes_.begin(), changes_.end(), [&](const auto& each) {
    const Change& change = each.second;
    const bool sent = change.state == Change::State::begun || change.state == Change::State::copied;
    return sent && !lacksUid(change) && change.mailbox == mailbox;
  });
}

void Pending::left(const Run& run) {
  const MutexLock lock(mutex_);
  for (const Change& change : run)
    if (change.source.uid != 0)
      left_.insert({change.source.mailbox, change.source.uid_validity, change.source.uid});
}

UidSet Pending::leftFrom(const std::string& mailbox, UidValidity validity) const {
  const MutexLock lock(mutex_);
  UidSet uids;
  for (auto at = left_.lower_bound({mailbox, validity, 0});
       at != left_.end() && std::get<0>(*at) == mailbox && std::get<1>(*at) == validity; ++at)
    uids.add(std::get<2>(*at));
  return uids;
}

void Pending::forgetLeft(const std::string& mailbox, UidValidity validity, const UidSet& uids) {
  const MutexLock lock(mutex_);
  std::erase_if(left_, [&](const RefKey& key) {
    const auto& [from, of, uid] = key;
    return from == mailbox && of == validity && uids.contains(uid);
  });
}

void Pending::takeTurn(const std::set<MessageId>& ids) {
  MutexLock lock(mutex_);
  for (auto id = ids.begin(); id != ids.end();) {
    if (in_turn_.count(*id) == 0) {
      ++id;
      continue;
    }
    turn_ended_.wait(lock);
    id = ids.begin();
  }
  in_turn_.insert(ids.begin(), ids.end());
}

void Pending::endTurn(const std::set<MessageId>& ids) {
  const MutexLock lock(mutex_);
  for (const MessageId id : ids) in_turn_.erase(id);
  turn_ended_.notify_all();
}

// Whether a change that was not refused takes it to where it has no UID yet.
bool Pending::moves(MessageId id) const {
  const auto of = of_.find(id);
  if (of == of_.end()) return false;
  for (const uint64_t number : of->second) {
    const Change& change = changes_.at(number);
    if (change.state == Change::State::parked) continue;
    if (change.kind == Change::Kind::move || change.kind == Change::Kind::append) return true;
  }
  return false;
}

bool Pending::add(std::vector<Change> changes, std::vector<store::GivenName> names,
                  const std::set<MessageId>& moving, std::optional<uint64_t> epoch) {
  std::set<MessageId> ids = moving;
  for (const Change& change : changes)
    if (!ofMailboxes(change)) ids.insert(change.id);
  for (const auto& name : names)
    if (name.key.uid == 0) ids.insert(name.key.id);
  const Turn turn(*this, std::move(ids));
  {
    const MutexLock lock(mutex_);
    for (const MessageId id : moving)
      if (!moves(id)) return false;
  }
  store::Batch batch;
  batch.add = std::move(changes);
  batch.put_names = std::move(names);
  size_t now = 0;
  const auto bringUpTo = [&](std::vector<Change>& all) REQUIRES(mutex_) {
    const size_t to = epochs_.size();
    for (; now < to; ++now) {
      for (Change& change : all) follow(epochs_[now], change);
      for (auto& given : batch.put_names) follow(epochs_[now], given);
    }
  };
  {
    const MutexLock lock(mutex_);
    now = epoch.value_or(epochs_.size());
    bringUpTo(batch.add);
  }
  const auto numbers = journal_.commit(batch);
  for (size_t i = 0; i < batch.add.size(); ++i) {
    batch.add[i].number = numbers[i];
    if (const auto written = journal_.change(numbers[i]))
      batch.add[i].acknowledged = written->acknowledged;
  }
  for (;;) {
    store::Batch again;
    {
      const MutexLock lock(mutex_);
      const size_t before = now;
      bringUpTo(batch.add);
      if (now == before) {
        for (const Change& change : batch.add) load(change);
        return true;
      }
    }
    again.update = batch.add;
    again.put_names = batch.put_names;
    journal_.commit(again);
  }
}

std::vector<Change> Pending::mailboxChanges() const {
  const MutexLock lock(mutex_);
  std::vector<Change> found;
  for (const uint64_t number : mailboxes_)
    if (const Change& change = changes_.at(number); change.state != Change::State::parked)
      found.push_back(change);
  return found;
}

bool Pending::renames(const std::string& mailbox) const {
  const MutexLock lock(mutex_);
  for (const uint64_t number : mailboxes_) {
    const Change& change = changes_.at(number);
    if (change.state == Change::State::begun && overlap({mailbox}, names(change))) return true;
  }
  return false;
}

uint64_t Pending::epoch() const {
  const MutexLock lock(mutex_);
  return epochs_.size();
}

void Pending::renaming() {
  const MutexLock lock(mutex_);
  epochs_.emplace_back();
}

void Pending::renamed(uint64_t number, const Renamed& renamed) {
  std::set<MessageId> ids;
  {
    const MutexLock lock(mutex_);
    for (const auto& [id, numbers] : of_) ids.insert(id);
  }
  const Turn turn(*this, std::move(ids));
  store::Batch batch;
  batch.remove.push_back(number);
  {
    const MutexLock lock(mutex_);
    for (const auto& [other, change] : changes_) {
      if (other == number) continue;
      Change now = change;
      follow(renamed, now);
      if (!(now == change)) batch.update.push_back(std::move(now));
    }
    // From here on what is added follows by itself.
    epochs_.push_back(renamed);
  }
  journal_.eachName([&](const store::GivenName& given) {
    store::GivenName now = given;
    follow(renamed, now);
    if (now == given) return true;
    if (now.key != given.key) batch.remove_names.push_back(given.key);
    batch.put_names.push_back(std::move(now));
    return true;
  });
  commit(std::move(batch));
}

void Pending::step(const Change& change) {
  store::Batch batch;
  batch.update.push_back(change);
  commit(std::move(batch));
}

Run Pending::touching(const std::string& mailbox, char delimiter) const {
  const MutexLock lock(mutex_);
  Run found;
  for (const auto& [number, change] : changes_) {
    if (change.state == Change::State::parked) continue;
    for (const auto* name : {&change.source.mailbox, &change.mailbox, &change.other}) {
      if (name->empty() || !isWithin(*name, mailbox, delimiter)) continue;
      found.push_back(change);
      break;
    }
  }
  return found;
}

std::optional<Change> Pending::appendOf(MessageId id) const {
  const MutexLock lock(mutex_);
  const auto of = of_.find(id);
  if (of == of_.end()) return std::nullopt;
  for (const uint64_t number : of->second) {
    const Change& change = changes_.at(number);
    if (change.kind == Change::Kind::append && change.state != Change::State::parked) return change;
  }
  return std::nullopt;
}

std::optional<Change> Pending::replacedBy(const Change& append) const {
  const MutexLock lock(mutex_);
  for (auto at = changes_.upper_bound(append.number); at != changes_.end(); ++at)
    if (isReplaced(at->second) && at->second.spool == append.spool) return at->second;
  return std::nullopt;
}

bool Pending::unchanged(const Change& seen) const {
  const auto at = changes_.find(seen.number);
  return at != changes_.end() && at->second == seen && claimed_.count(seen.number) == 0;
}

bool Pending::amend(const Change& seen, store::Batch batch) {
  {
    const MutexLock lock(mutex_);
    if (!unchanged(seen) || seen.state != Change::State::pending) return false;
    claimed_.insert(seen.number);
  }
  try {
    commit(std::move(batch));
  } catch (...) {
    release({seen});
    throw;
  }
  release({seen});
  return true;
}

bool Pending::claim(const Run& run) {
  const MutexLock lock(mutex_);
  for (const Change& change : run)
    if (!unchanged(change)) return false;
  for (const Change& change : run) claimed_.insert(change.number);
  return true;
}

void Pending::release(const Run& run) {
  const MutexLock lock(mutex_);
  for (const Change& change : run) claimed_.erase(change.number);
}

void Pending::holdDeletions(Oldest oldest) {
  oldest_ = std::move(oldest);
}

bool Pending::held() const {
  const MutexLock lock(mutex_);
  return held_;
}

Run Pending::next() const {
  bool any_deletion = false;
  {
    const MutexLock lock(mutex_);
    any_deletion = std::any_of(changes_.begin(), changes_.end(), [](const auto& each) {
      return isDeletion(each.second) && sendable(each.second);
    });
  }
  const auto oldest = any_deletion && oldest_ ? oldest_() : std::nullopt;
  const MutexLock lock(mutex_);
  held_ = false;
  Run run;
  std::set<MessageId> waiting;
  std::set<std::string> unsettled;  // mailboxes that are not as earlier changes say
  std::set<std::string> used;       // mailboxes that earlier changes of messages speak of
  bool append_before = false;
  for (const auto& [number, change] : changes_) {
    const bool held = ofMailboxes(change)
                          ? overlap(unsettled, names(change)) || overlap(used, names(change))
                          : !unsettled.empty() && moved(unsettled, names(change));
    const bool deletion = isDeletion(change) || isReplaced(change);
    bool ready = sendable(change) && claimed_.count(number) == 0 && waiting.count(change.id) == 0 &&
                 !held && !(append_before && deletion);
    if (ready && deletion && oldest && change.acknowledged >= *oldest) {
      held_ = true;
      ready = false;
    }
    append_before |= change.kind == Change::Kind::append && !lacksUid(change);
    const bool taken = ready && (run.empty() || fitTogether(run.front(), change));
    if (taken) run.push_back(change);
    if (run.size() == kLongestRun) break;
    if (change.state == Change::State::parked) continue;
    const bool of_mailboxes = ofMailboxes(change);
    if (!of_mailboxes) waiting.insert(change.id);
    if (of_mailboxes || (!mailboxes_.empty() && !lacksUid(change)))
      for (auto& name : names(change)) (of_mailboxes ? unsettled : used).insert(std::move(name));
  }
  return run;
}

void Pending::begin(const Run& run, const Change::Destination& destination) {
  store::Batch batch;
  for (Change change : run) {
    change.state = Change::State::begun;
    change.destination = destination;
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

// Changes of the same message behind that one.
std::vector<Change> Pending::later(MessageId id, uint64_t number) const {
  std::vector<Change> found;
  const auto of = of_.find(id);
  if (of == of_.end()) return found;
  for (auto at = of->second.upper_bound(number); at != of->second.end(); ++at)
    found.push_back(changes_.at(*at));
  return found;
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
        // Where it is the last, the name goes along with the message.
        const store::NameKey key{{}, 0, 0, at->second.id};
        auto given = later(at->second.id, number).empty() ? journal_.name(key) : std::nullopt;
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
    for (const Change& change : run) {
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
  for (Change& change : parked) {
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

std::set<MessageId> Pending::orphans() const {
  const MutexLock lock(mutex_);
  std::set<MessageId> ids;
  for (const auto& [id, numbers] : of_) {
    const Change& first = changes_.at(*numbers.begin());
    if (first.source.uid == 0 && first.kind != Change::Kind::append) ids.insert(id);
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
      if (change.source.uid != 0) return;  // no longer an orphan
      change.source = place;
      batch.update.push_back(std::move(change));
      if (batch.update.back().kind == Change::Kind::move) break;  // what follows is about later
    }
  }
  commit(std::move(batch));
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
