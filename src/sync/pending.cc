#include "emlfs/sync/pending.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "emlfs/base/fail_point.h"
#include "sync/overlay.h"
#include "sync/pending_turn.h"

namespace emlfs::sync {

using store::Change;

bool lacksUid(const Change& change) {
  return change.state == Change::State::copied && change.source.uid == 0;
}

bool isReplaced(const Change& change) {
  return change.kind != Change::Kind::append && !change.spool.empty();
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
  if (lacksUid(change))
    unseen_[{change.mailbox, change.source.size, change.source.message_id}].insert(change.number);
  if (isReplaced(change)) replaced_.insert(change.number);
  const auto& source = change.source;
  if (source.uid != 0) ids_[{source.mailbox, source.uid_validity, source.uid}] = change.id;
}

void Pending::forget(uint64_t number) {
  ++version_;
  const auto at = changes_.find(number);
  if (at == changes_.end()) return;
  mailboxes_.erase(number);
  replaced_.erase(number);
  const auto& source = at->second.source;
  const auto unseen = unseen_.find({at->second.mailbox, source.size, source.message_id});
  if (unseen != unseen_.end()) {
    unseen->second.erase(number);
    if (unseen->second.empty()) unseen_.erase(unseen);
  }
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
  for (const uint64_t number : batch.remove) {
    forget(number);
    unanswered_.erase(number);
  }
}

uint64_t Pending::size() const {
  const MutexLock lock(mutex_);
  return changes_.size();
}

uint64_t Pending::version() const {
  const MutexLock lock(mutex_);
  return version_;
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

std::vector<Change> Pending::changes(uint64_t after, size_t most) const {
  const MutexLock lock(mutex_);
  std::vector<Change> all;
  for (auto at = changes_.upper_bound(after); at != changes_.end() && all.size() < most; ++at)
    all.push_back(at->second);
  return all;
}

std::vector<MessageId> Pending::messages() const {
  const MutexLock lock(mutex_);
  std::vector<MessageId> all;
  all.reserve(of_.size());
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
  const auto like = unseen_.find({mailbox, meta.size, meta.header.message_id});
  if (like == unseen_.end()) return std::nullopt;
  std::optional<MessageId> only;
  for (const uint64_t number : like->second) {
    const Change& change = changes_.at(number);
    if (meta.uid < change.destination.uid_next) continue;
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
  for (auto at = unseen_.lower_bound({mailbox, 0, {}});
       at != unseen_.end() && std::get<0>(at->first) == mailbox; ++at)
    for (const uint64_t number : at->second) ids.insert(changes_.at(number).id);
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

std::vector<Change> Pending::mailboxChanges() const {
  const MutexLock lock(mutex_);
  std::vector<Change> found;
  for (const uint64_t number : mailboxes_)
    if (const Change& change = changes_.at(number); change.state != Change::State::parked)
      found.push_back(change);
  return found;
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

Run Pending::replacedBy(const Change& append) const {
  const MutexLock lock(mutex_);
  Run found;
  for (auto at = replaced_.upper_bound(append.number); at != replaced_.end(); ++at)
    if (const Change& change = changes_.at(*at); change.spool == append.spool)
      found.push_back(change);
  return found;
}

bool Pending::unchanged(const Change& seen) const {
  const auto at = changes_.find(seen.number);
  return at != changes_.end() && at->second == seen && claimed_.count(seen.number) == 0;
}

bool Pending::amend(MessageId id, const Becomes& becomes, std::optional<uint64_t> epoch,
                    const std::set<MessageId>& moving) {
  std::set<MessageId> ids = moving;
  ids.insert(id);
  const Turn turn(*this, std::move(ids));
  const auto append = appendOf(id);
  {
    const MutexLock lock(mutex_);
    for (const MessageId other : moving)
      if (!moves(other)) return false;
    if (!append || append->state != Change::State::pending || !unchanged(*append)) return false;
    claimed_.insert(append->number);
  }
  try {
    store::Batch batch = becomes(*append);
    {
      const MutexLock lock(mutex_);
      uint64_t since = epoch.value_or(epochs_.size());
      bringUp(batch, since);
    }
    commit(std::move(batch));
  } catch (...) {
    release({*append});
    throw;
  }
  release({*append});
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

}  // namespace emlfs::sync
