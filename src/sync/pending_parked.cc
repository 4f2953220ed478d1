// Changes that the server refused: what a person makes of them.
#include <algorithm>
#include <iterator>
#include <utility>

#include "emlfs/base/error.h"
#include "emlfs/sync/pending.h"
#include "sync/pending_turn.h"

namespace emlfs::sync {
namespace {

using store::Change;

bool isParked(const Change& change) {
  return change.state == Change::State::parked;
}

// Parked by `append`, and of no use without it.
bool belongsTo(const Change& append, const Change& change) {
  if (append.kind != Change::Kind::append || change.number <= append.number) return false;
  const bool same_message = change.id == append.id && change.source.uid == 0;
  return same_message || (!append.spool.empty() && change.spool == append.spool);
}

std::set<MessageId> idsOf(const Run& run) {
  std::set<MessageId> ids;
  for (const Change& change : run) ids.insert(change.id);
  return ids;
}

}  // namespace

Run Pending::parkedWith(const std::vector<uint64_t>& numbers) const {
  const MutexLock lock(mutex_);
  std::map<uint64_t, Change> found;
  for (const uint64_t number : numbers) {
    const auto at = changes_.find(number);
    if (at == changes_.end())
      throw Error(Code::not_found, Scope::message,
                  "there is no change " + std::to_string(number) + " any more");
    if (!isParked(at->second))
      throw Error(Code::busy, Scope::message,
                  "change " + std::to_string(number) + " was not refused, it is to be sent");
    found.insert(*at);
    if (at->second.kind != Change::Kind::append) continue;
    for (auto next = std::next(at); next != changes_.end(); ++next)
      if (isParked(next->second) && belongsTo(at->second, next->second)) found.insert(*next);
  }
  Run run;
  for (auto& [number, change] : found) run.push_back(std::move(change));
  return run;
}

void Pending::retry(const Run& run) {
  const Turn turn(*this, idsOf(run));
  store::Batch batch;
  {
    const MutexLock lock(mutex_);
    for (const Change& wanted : run) {
      const auto at = changes_.find(wanted.number);
      if (at == changes_.end() || !isParked(at->second)) continue;
      Change change = at->second;
      change.source = wanted.source;
      change.add = wanted.add;
      change.state = Change::State::pending;
      // What may have been done is looked for above what was noted then.
      if (!change.recovered) change.destination = {};
      change.error = Code::refused;
      change.server.clear();
      batch.update.push_back(std::move(change));
    }
  }
  commit(std::move(batch));
}

void Pending::forgetParked(const Run& run) {
  const Turn turn(*this, idsOf(run));
  store::Batch batch;
  {
    const MutexLock lock(mutex_);
    for (const Change& change : run) {
      batch.remove.push_back(change.number);
      const auto of = of_.find(change.id);
      if (of == of_.end()) continue;
      const bool last = std::all_of(of->second.begin(), of->second.end(), [&](uint64_t number) {
        return std::any_of(run.begin(), run.end(),
                           [&](const Change& other) { return other.number == number; });
      });
      if (!last) continue;
      const store::NameKey key{{}, 0, 0, change.id};
      batch.remove_names.push_back(key);
      // Where the server has the message, it goes on being shown by that name.
      const store::MessageRef& place = change.source;
      const store::NameKey there{place.mailbox, place.uid_validity, place.uid, {}};
      auto given = place.uid == 0 ? std::nullopt : journal_.name(key);
      if (!given || journal_.name(there)) continue;
      given->key = there;
      given->directory = place.mailbox;
      batch.put_names.push_back(std::move(*given));
    }
  }
  commit(std::move(batch));
}

}  // namespace emlfs::sync
