#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "emlfs/base/error.h"
#include "emlfs/base/log.h"
#include "emlfs/sync/sync.h"
#include "sync/tree_update.h"

namespace emlfs::sync {
namespace {

bool isStale(const SyncState& state, const MailboxStatus& status) {
  return !state.complete || status.messages != state.messages ||
         status.uid_validity != state.uid_validity ||
         (status.uid_next != 0 && status.uid_next != state.uid_next) ||
         status.highest_modseq != state.highest_modseq;
}

// Absent if the server refuses: one mailbox that can't be asked must not hide what is new in
// others.
std::optional<MailboxStatus> statusOf(imap::Session& session, const std::string& wire) {
  try {
    return session.status(wire);
  } catch (const Error& error) {
    if (error.scope != Scope::mailbox) throw;
    log::info("{}", error.what());
    return std::nullopt;
  }
}

void requireStatuses(const std::vector<ListEntry>& entries, Doubts& doubts) {
  std::set<std::string> now;
  bool any_status = false;
  for (const auto& entry : entries) {
    any_status |= entry.status.has_value();
    if (entry.selectable && !entry.status) now.insert(entry.wire);
  }
  if (!any_status) now.clear();  // the server has no LIST-STATUS
  const auto before = std::exchange(doubts.unasked, now);
  if (!before) return;
  for (const auto& wire : now)
    if (before->count(wire) == 0)
      throw Error(Code::stale, Scope::connection,
                  "the server lists " + wire + " and knows nothing of it: asking again");
}

// Mailboxes of the store that are not in the list, or are there as names alone: their messages
// would go, too.
std::vector<std::string> missing(const std::vector<ListEntry>& entries, Store store) {
  std::unordered_set<std::string_view> listed;
  for (const auto& entry : entries)
    if (entry.selectable) listed.insert(entry.wire);
  std::vector<std::string> names;
  for (const auto& record : store.cache.snapshot()->mailboxes())
    if (record.selectable && !record.unborn && listed.count(record.wire) == 0)
      names.push_back(record.wire);
  return names;
}

// A mailbox goes with all that is cached of it, so it must really be gone. Of many, some are asked
// about: a list that is broken lacks more than one.
void requireGone(imap::Session& session, const std::vector<std::string>& names, Doubts& doubts) {
  constexpr size_t kMostAsked = 16;
  const auto before = std::exchange(doubts.unlisted, {});
  const size_t step = (names.size() + kMostAsked - 1) / kMostAsked;
  for (size_t i = 0; i < names.size(); i += step)
    if (statusOf(session, names[i])) doubts.unlisted.insert(names[i]);
  for (const auto& wire : doubts.unlisted)
    if (before.count(wire) == 0)
      throw Error(Code::stale, Scope::connection,
                  "the server knows " + wire + " and doesn't list it: asking again");
}

// In part, too.
std::vector<store::MailboxRecord> listedMailboxes(Store store) {
  auto all = store.cache.snapshot()->mailboxes();
  std::erase_if(all, [](const auto& record) {
    return !record.selectable || record.unborn || record.hidden ||
           (!record.state.complete && record.state.listed_to == 0);
  });
  return all;
}

}  // namespace

std::vector<MailboxId> refreshTree(imap::Session& session, const std::vector<Namespace>& namespaces,
                                   Store store, Doubts& doubts, const OnChange& on_change) {
  std::vector<ListEntry> entries;
  uint64_t epoch = 0;
  do {
    if (store.pending != nullptr) epoch = store.pending->epoch();
    entries = session.list(namespaces);
    requireStatuses(entries, doubts);
    requireGone(session, missing(entries, store), doubts);
  } while (!follow(entries, namespaces, epoch, store, on_change));

  std::map<std::string, MailboxStatus> statuses;
  std::unordered_set<std::string> unknown;
  for (const auto& entry : entries) {
    if (entry.status)
      statuses.emplace(entry.wire, *entry.status);
    else
      unknown.insert(entry.wire);
  }
  // Without LIST-STATUS one STATUS for each mailbox that somebody has looked at.
  for (const auto& record : listedMailboxes(store)) {
    if (unknown.count(record.wire) == 0) continue;
    if (const auto status = statusOf(session, record.wire)) statuses.emplace(record.wire, *status);
  }
  return staleMailboxes(store, statuses);
}

std::vector<MailboxId> staleMailboxes(Store store,
                                      const std::map<std::string, MailboxStatus>& statuses) {
  const auto of = [&](const std::string& wire) {
    const auto status = statuses.find(wire);
    if (status != statuses.end()) return status;
    const auto name = view::decodeUtf7(wire);
    return name ? statuses.find(*name) : statuses.end();
  };
  std::vector<MailboxId> stale;
  for (const auto& record : listedMailboxes(store)) {
    const auto status = of(record.wire);
    if (status != statuses.end() && isStale(record.state, status->second))
      stale.push_back(record.id);
  }
  return stale;
}

}  // namespace emlfs::sync
