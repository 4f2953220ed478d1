#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "emlfs/base/error.h"
#include "emlfs/base/log.h"
#include "emlfs/sync/sync.h"
#include "sync/apply.h"
#include "sync/left_out.h"
#include "sync/namespaces.h"
#include "sync/overlay.h"
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

void requireStatuses(const std::vector<ListEntry>& entries, const std::set<std::string>& left_out,
                     Doubts& doubts) {
  std::set<std::string> now;
  bool any_status = false;
  for (const auto& entry : entries) {
    any_status |= entry.status.has_value();
    if (entry.selectable && !entry.status && left_out.count(entry.wire) == 0)
      now.insert(entry.wire);
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
std::vector<std::string> missing(const std::vector<ListEntry>& entries,
                                 const std::vector<Namespace>& namespaces, Store store) {
  std::unordered_set<std::string_view> listed;
  for (const auto& entry : entries)
    if (entry.selectable) listed.insert(entry.wire);
  std::vector<std::string> names;
  for (const auto& record : store.cache.snapshot()->mailboxes())
    // One that we have just removed has no name any more.
    if (record.selectable && !record.unborn && !record.wire.empty() &&
        listed.count(record.wire) == 0)
      names.push_back(record.wire);
  if (names.empty() || store.mailboxes.empty()) return names;
  // With one that is left out nothing goes but what is pending in it.
  const auto named = namedByChanges(store.pending);
  std::erase_if(names, [&](const std::string& wire) {
    return named.count(wire) == 0 && isLeftOut(wire, namespaces, store.mailboxes);
  });
  return names;
}

// What STATUS says of a mailbox that isn't listed.
enum class Unlisted { gone, forbidden, there };

Unlisted askOf(imap::Session& session, const std::string& wire) {
  try {
    // Of a mailbox that is selected Dovecot tells what it was, though it has another name by now.
    if (session.selected() == wire) session.unselect();
    session.status(wire);
  } catch (const Error& error) {
    if (error.scope != Scope::mailbox) throw;
    log::info("{}", error.what());
    if (error.code == Code::not_found) return Unlisted::gone;
    if (error.code == Code::denied) return Unlisted::forbidden;
  }
  return Unlisted::there;
}

// A mailbox goes with all that is cached of it, so it must really be gone, or nobody may see it any
// more. Of many, some are asked about: a list that is broken lacks more than one. Returns those
// that stay, since the list proves to be broken on every connection.
std::vector<std::string> requireGone(imap::Session& session, std::vector<std::string> names,
                                     Doubts& doubts) {
  constexpr size_t kMostAsked = 16;
  const auto before = std::exchange(doubts.unlisted, {});
  const size_t step = (names.size() + kMostAsked - 1) / kMostAsked;
  std::set<std::string> going;
  for (size_t i = 0; i < names.size(); i += step) {
    const Unlisted said = askOf(session, names[i]);
    if (said != Unlisted::gone) doubts.unlisted.insert(names[i]);
    if (said != Unlisted::there) going.insert(names[i]);
  }
  for (const auto& wire : doubts.unlisted)
    if (before.count(wire) == 0)
      throw Error(Code::stale, Scope::connection,
                  "the server knows " + wire + " and doesn't list it: asking again");
  const bool broken = std::any_of(doubts.unlisted.begin(), doubts.unlisted.end(),
                                  [&](const auto& wire) { return going.count(wire) == 0; });
  if (!broken) return {};
  std::erase_if(names, [&](const auto& wire) { return going.count(wire) != 0; });
  return names;
}

// As the store has them.
void keep(const std::vector<std::string>& names, const std::vector<Namespace>& namespaces,
          Store store, std::vector<ListEntry>& entries) {
  if (names.empty()) return;
  const std::unordered_set<std::string_view> kept(names.begin(), names.end());
  std::erase_if(entries, [&](const ListEntry& entry) { return kept.count(entry.wire) != 0; });
  for (const auto& record : store.cache.snapshot()->mailboxes())
    if (kept.count(record.wire) != 0) entries.push_back(entryOf(record, namespaces));
}

// A RENAME of ours is on its way, or its answer was lost. Of each mailbox that gets another name by
// it a list has one name: with both there is another client's mailbox, too, and which is ours shows
// when it is sent again; with none it is a list of that very moment.
bool awaitsRename(const std::vector<ListEntry>& entries, char delimiter, Store store,
                  Doubts& doubts) {
  std::unordered_set<std::string> listed;
  for (const auto& entry : entries)
    if (entry.selectable) listed.insert(entry.wire);
  const auto known = store.cache.snapshot()->mailboxes();
  const auto ours =
      store.pending == nullptr ? std::vector<store::Change>() : store.pending->mailboxChanges();
  const bool any = std::any_of(ours.begin(), ours.end(), [&](const store::Change& change) {
    if (change.kind != store::Change::Kind::rename_mailbox ||
        change.state != store::Change::State::begun)
      return false;
    const std::string to = realName(change.other);
    return std::any_of(known.begin(), known.end(), [&](const store::MailboxRecord& record) {
      if (!record.selectable || record.unborn) return false;
      if (!isWithin(record.wire, change.mailbox, delimiter)) return false;
      const std::string renamed = to + record.wire.substr(change.mailbox.size());
      return listed.count(record.wire) == listed.count(renamed);
    });
  });
  doubts.renames = any ? doubts.renames + 1 : 0;
  return doubts.awaitsRename();
}

// In part, too.
std::vector<store::MailboxRecord> listedMailboxes(Store store) {
  auto all = store.cache.snapshot()->mailboxes();
  std::erase_if(all, [](const auto& record) {
    return !record.selectable || record.unborn || record.hidden ||
           (!wasListed(record.state) && record.state.listed_to == 0);
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
    requireStatuses(entries, leftOut(entries, namespaces, store.mailboxes), doubts);
    keep(requireGone(session, missing(entries, namespaces, store), doubts), namespaces, store,
         entries);
  } while (!awaitsRename(entries, delimiterOf(namespaces, entries), store, doubts) &&
           !follow(entries, namespaces, epoch, store, on_change));

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
