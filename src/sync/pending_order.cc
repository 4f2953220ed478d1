// Which of several changes is to be sent next.
#include <algorithm>
#include <cctype>
#include <utility>

#include "emlfs/sync/pending.h"
#include "sync/overlay.h"

namespace emlfs::sync {
namespace {

using store::Change;

constexpr size_t kLongestRun = 1'000;

bool sendable(const Change& change) {
  if (change.state == Change::State::parked || lacksUid(change) || unfinished(change)) return false;
  return ofMailboxes(change) || change.kind == Change::Kind::append || change.source.uid != 0;
}

bool fitTogether(const Change& a, const Change& b) {
  if (a.kind == Change::Kind::append)
    return b.kind == a.kind && a.state == b.state && a.mailbox == b.mailbox;
  return a.kind == b.kind && a.state == b.state && a.recovered == b.recovered &&
         a.source.mailbox == b.source.mailbox && a.source.uid_validity == b.source.uid_validity &&
         a.mailbox == b.mailbox && a.add == b.add && a.remove == b.remove && !ofMailboxes(a);
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

// The same mailbox, or one below the other.
bool related(std::string_view one, std::string_view other, char delimiter) {
  if (one.size() > other.size()) std::swap(one, other);
  if (!other.starts_with(one)) return false;
  if (one.size() == other.size()) return true;
  const char next = other[one.size()];
  return delimiter != 0 ? next == delimiter : std::ispunct(static_cast<unsigned char>(next)) != 0;
}

// Of messages in it: as far as these mailboxes are concerned, it is one of them or below one.
bool moved(const std::set<std::string>& mailboxes, const std::vector<std::string>& names,
           char delimiter) {
  return std::any_of(mailboxes.begin(), mailboxes.end(), [&](const std::string& mailbox) {
    return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
      return mailbox.size() <= name.size() && related(mailbox, name, delimiter);
    });
  });
}

bool overlap(const std::set<std::string>& some, const std::vector<std::string>& others,
             char delimiter) {
  return std::any_of(some.begin(), some.end(), [&](const std::string& one) {
    return std::any_of(others.begin(), others.end(),
                       [&](const std::string& other) { return related(one, other, delimiter); });
  });
}

}  // namespace

bool isDeletion(const Change& change) {
  return change.deletion || change.kind == Change::Kind::expunge ||
         change.kind == Change::Kind::remove_mailbox ||
         (change.kind == Change::Kind::flags && change.add.has("\\Deleted"));
}

uint64_t heldDeletions(const std::vector<Change>& changes) {
  uint64_t held = 0;
  bool append_before = false;
  for (const Change& change : changes) {
    append_before |= change.kind == Change::Kind::append && !lacksUid(change);
    if (append_before && isDeletion(change) && change.state != Change::State::parked) ++held;
  }
  return held;
}

bool Pending::renames(const std::string& mailbox) const {
  const MutexLock lock(mutex_);
  for (const uint64_t number : mailboxes_) {
    const Change& change = changes_.at(number);
    if (change.state == Change::State::begun && overlap({mailbox}, names(change), delimiter_))
      return true;
  }
  return false;
}

bool Pending::reshapes(const std::string& mailbox, uint64_t number) const {
  const MutexLock lock(mutex_);
  return std::any_of(mailboxes_.upper_bound(number), mailboxes_.end(), [&](uint64_t later) {
    const Change& change = changes_.at(later);
    return change.state != Change::State::parked && overlap({mailbox}, names(change), delimiter_);
  });
}

void Pending::separatedBy(char delimiter) {
  const MutexLock lock(mutex_);
  delimiter_ = delimiter;
}

void Pending::holdDeletions(Oldest oldest) {
  oldest_ = std::move(oldest);
}

void Pending::holdNoDeletions(std::function<bool(MessageId)> idle) {
  idle_ = std::move(idle);
}

bool Pending::held() const {
  const MutexLock lock(mutex_);
  return held_;
}

bool Pending::amending() const {
  const MutexLock lock(mutex_);
  return amending_;
}

Run Pending::next() const {
  bool any_deletion = false;
  std::set<MessageId> idle;  // unfinished ones at first
  {
    const MutexLock lock(mutex_);
    for (const auto& [number, change] : changes_) {
      any_deletion |= isDeletion(change) && sendable(change);
      if (unfinished(change)) idle.insert(change.id);
    }
  }
  std::erase_if(idle, [&](MessageId id) { return !any_deletion || !idle_ || !idle_(id); });
  const auto oldest = any_deletion && oldest_ ? oldest_() : std::nullopt;
  const MutexLock lock(mutex_);
  held_ = false;
  amending_ = false;
  Run run;
  std::set<MessageId> waiting;
  std::set<std::string> unsettled;  // mailboxes that are not as earlier changes say
  std::set<std::string> used;       // mailboxes that earlier changes of messages speak of
  // The same of deletions that nobody knows how long they wait, and of what follows them.
  std::set<std::string> held_back;
  std::set<MessageId> behind_held;
  bool append_before = false;
  std::set<std::string> unsent;  // spool files of appends
  for (const auto& [number, change] : changes_) {
    // Another name takes along what is pending (Pending::renamed), and a new mailbox changes
    // nothing.
    const bool removes = change.kind == Change::Kind::remove_mailbox;
    const bool held = ofMailboxes(change)
                          ? overlap(unsettled, names(change), delimiter_) ||
                                overlap(used, names(change), delimiter_) ||
                                (removes && overlap(held_back, names(change), delimiter_))
                          : !unsettled.empty() && moved(unsettled, names(change), delimiter_);
    const bool deletion = isDeletion(change) || isReplaced(change);
    const bool is_early = deletion && (append_before || unsent.count(change.spool) != 0);
    const bool after_others = deletion && oldest && change.acknowledged >= *oldest;
    bool ready = sendable(change) && waiting.count(change.id) == 0 && !held && !is_early;
    if (ready && claimed_.count(number) != 0) {
      amending_ = true;
      ready = false;
    }
    if (ready && after_others) {
      held_ = true;
      ready = false;
    }
    if (change.kind == Change::Kind::append && !lacksUid(change)) {
      unsent.insert(change.spool);
      append_before |= !unfinished(change) || idle.count(change.id) == 0;
    }
    const bool taken = ready && (run.empty() || fitTogether(run.front(), change));
    if (taken) run.push_back(change);
    if (run.size() == kLongestRun) break;
    if (change.state == Change::State::parked) continue;
    const bool of_mailboxes = ofMailboxes(change);
    if (!of_mailboxes) waiting.insert(change.id);
    if (!of_mailboxes && (mailboxes_.empty() || lacksUid(change))) continue;
    const bool waits = (is_early || after_others || behind_held.contains(change.id)) &&
                       change.state == Change::State::pending;
    if (waits && !of_mailboxes) behind_held.insert(change.id);
    auto& speaks_of = of_mailboxes ? unsettled : waits ? held_back : used;
    for (auto& name : names(change)) speaks_of.insert(std::move(name));
  }
  return run;
}

}  // namespace emlfs::sync
