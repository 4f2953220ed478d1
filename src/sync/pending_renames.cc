// What is acknowledged while mailboxes get other names, and what was acknowledged before, follows
// them.
#include <algorithm>
#include <functional>
#include <utility>

#include "emlfs/base/fail_point.h"
#include "emlfs/sync/pending.h"
#include "sync/overlay.h"
#include "sync/pending_turn.h"

namespace emlfs::sync {
namespace {

using store::Change;

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

// What takes a turn for a message on the server: no id, but as good as one.
MessageId turnOf(const store::NameKey& key) {
  if (key.uid == 0) return key.id;
  const uint64_t place =
      std::hash<std::string>{}(key.mailbox) ^ (uint64_t{key.uid_validity} << 32U);
  return MessageId{(place * 31 + key.uid) | (uint64_t{1} << 63U)};
}

}  // namespace

// Whether a change that was not refused takes it to where it has no UID yet, but for one.
bool Pending::moves(MessageId id, uint64_t but) const {
  const auto of = of_.find(id);
  if (of == of_.end()) return false;
  for (const uint64_t number : of->second) {
    const Change& change = changes_.at(number);
    if (number == but || change.state == Change::State::parked) continue;
    if (change.kind == Change::Kind::move || change.kind == Change::Kind::append) return true;
  }
  return false;
}

std::set<MessageId> Pending::onTheirWay(const std::vector<MessageId>& ids) const {
  const MutexLock lock(mutex_);
  std::set<MessageId> moving;
  for (const MessageId id : ids)
    if (moves(id)) moving.insert(id);
  return moving;
}

void Pending::bringUp(store::Batch& batch, uint64_t& epoch) const {
  for (; epoch < epochs_.size(); ++epoch) {
    for (Change& change : batch.add) follow(epochs_[epoch], change);
    for (Change& change : batch.update) follow(epochs_[epoch], change);
    for (auto& given : batch.put_names) follow(epochs_[epoch], given);
  }
}

bool Pending::add(store::Batch batch, const std::set<MessageId>& moving,
                  std::optional<uint64_t> epoch) {
  std::set<MessageId> ids = moving;
  for (const Change& change : batch.add)
    if (!ofMailboxes(change)) ids.insert(change.id);
  for (const auto& name : batch.put_names) ids.insert(turnOf(name.key));
  const Turn turn(*this, std::move(ids));
  uint64_t now = 0;
  {
    const MutexLock lock(mutex_);
    for (const MessageId id : moving)
      if (!moves(id)) return false;
    now = epoch.value_or(epochs_.size());
    bringUp(batch, now);
  }
  const auto numbers = journal_.commit(batch);
  failPoint("pending: committed");
  for (size_t i = 0; i < batch.add.size(); ++i) {
    batch.add[i].number = numbers[i];
    if (const auto written = journal_.change(numbers[i]))
      batch.add[i].acknowledged = written->acknowledged;
  }
  for (;;) {
    store::Batch again;
    {
      const MutexLock lock(mutex_);
      const uint64_t before = now;
      bringUp(batch, now);
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

void Pending::forgetNames(const std::vector<store::NameKey>& keys) {
  constexpr size_t kAtOnce = 1'000;
  for (size_t first = 0; first < keys.size(); first += kAtOnce) {
    const auto begin = keys.begin() + static_cast<std::ptrdiff_t>(first);
    const auto count = std::min(kAtOnce, keys.size() - first);
    commit({.remove_names = {begin, begin + static_cast<std::ptrdiff_t>(count)}});
  }
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
  // Who gives another name meanwhile waits, or the older one would be written after it.
  journal_.eachName([&](const store::GivenName& given) {
    ids.insert(turnOf(given.key));
    return true;
  });
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

}  // namespace emlfs::sync
