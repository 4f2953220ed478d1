#include "sync/tree_update.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "emlfs/store/cache.h"
#include "emlfs/view/layout.h"
#include "sync/directory_update.h"
#include "sync/left_out.h"
#include "sync/namespaces.h"
#include "sync/overlay.h"

namespace emlfs::sync {
namespace {

// `keep_levels`: the list is not the server's, so levels that it doesn't name may be there.
void shape(store::Update& update, Store store, const std::vector<ListEntry>& entries,
           const std::vector<Namespace>& namespaces, bool keep_levels,
           std::map<MailboxId, TreeChange>& changes) {
  const auto ours =
      store.pending == nullptr ? std::vector<store::Change>() : store.pending->mailboxChanges();
  const char delimiter = delimiterOf(namespaces, entries);
  if (store.pending != nullptr) store.pending->separatedBy(delimiter);
  const Plan planned = plan(entries, ours, delimiter);
  std::vector<ListEntry> wanted;
  std::unordered_map<std::string, const PlannedMailbox*> by_wanted;
  for (const auto& one : planned.mailboxes) {
    wanted.push_back(one.entry);
    by_wanted.emplace(one.entry.wire, &one);
  }
  DirectoryUpdate tree(update, store.ids);
  tree.hide(planned.removed);
  std::vector<view::Directory> left_out;
  const auto shown = shownOf(view::layout(wanted, namespaces, false), store.mailboxes, left_out);
  const auto named = left_out.empty() ? std::set<std::string>() : namedByChanges(store.pending);
  for (const auto& directory : left_out) {
    const PlannedMailbox& planned_one = *by_wanted.at(directory.entry->wire);
    const bool is_named = named.count(planned_one.wire) != 0 || named.count(planned_one.was) != 0;
    tree.leaveOut(directory, planned_one, is_named);
  }
  for (const auto& directory : shown)
    tree.place(directory, directory.entry ? by_wanted.at(directory.entry->wire) : nullptr);
  if (keep_levels) tree.keepLevels();
  tree.finish();
  changes = tree.changes();
}

// Messages whose UIDs were still to be seen in mailboxes that are no more.
std::set<MessageId> goneWithMailboxes(const store::Snapshot& store, const Pending& pending,
                                      uint64_t epoch) {
  std::set<std::string> there;
  for (const auto& record : store.mailboxes())
    if (record.selectable) there.insert(record.wire);
  std::set<MessageId> gone;
  for (const auto& change : pending.changes())
    if (lacksUid(change) && there.count(change.mailbox) == 0 && !pending.renames(change.mailbox))
      gone.insert(change.id);
  // Of one that has got another name meanwhile the journal speaks otherwise now.
  if (pending.epoch() != epoch) gone.clear();
  return gone;
}

void tell(const std::map<MailboxId, TreeChange>& changes, const OnChange& on_change) {
  for (const auto& [id, change] : changes)
    if (!change.empty()) on_change(change);
}

}  // namespace

ListEntry entryOf(const store::MailboxRecord& record, const std::vector<Namespace>& namespaces) {
  ListEntry entry;
  entry.wire = record.wire;
  entry.delimiter = delimiterOf(namespaces, record.wire);
  entry.selectable = record.selectable;
  entry.inferiors = record.inferiors;
  entry.special_use = record.special_use;
  return entry;
}

bool follow(const std::vector<ListEntry>& entries, const std::vector<Namespace>& namespaces,
            uint64_t epoch, Store store, const OnChange& on_change) {
  std::map<MailboxId, TreeChange> changes;
  std::set<MessageId> lost;
  {
    const auto update = store.cache.begin();
    if (store.pending != nullptr && store.pending->epoch() != epoch) return false;
    auto known = namespaces;
    for (auto& space : known)
      if (space.delimiter == 0) space.delimiter = delimiterOf(namespaces, entries);
    putNamespaces(*update, known);
    shape(*update, store, entries, namespaces, false, changes);
    if (store.pending != nullptr) lost = goneWithMailboxes(*update, *store.pending, epoch);
    update->commit();
  }
  for (const MessageId id : lost) store.pending->vanished(id);
  tell(changes, on_change);
  return true;
}

namespace {

void reshape(Store store, bool keep_levels, const OnChange& on_change) {
  std::map<MailboxId, TreeChange> changes;
  {
    const auto update = store.cache.begin();
    const auto namespaces = storedNamespaces(*update);
    std::vector<ListEntry> entries;
    for (const auto& record : update->mailboxes()) {
      if (record.wire.empty() || record.unborn) continue;
      entries.push_back(entryOf(record, namespaces));
    }
    shape(*update, store, entries, namespaces, keep_levels, changes);
    update->commit();
  }
  tell(changes, on_change);
}

}  // namespace

void reshape(Store store, const OnChange& on_change) {
  reshape(store, true, on_change);
}

void showChosen(Store store) {
  const auto snapshot = store.cache.snapshot();
  const auto all = snapshot->mailboxes();
  const bool any_hidden = std::ranges::any_of(all, &store::MailboxRecord::hidden);
  if ((store.mailboxes.empty() && !any_hidden) || storedNamespaces(*snapshot).empty()) return;
  reshape(store, false, [](const TreeChange&) {});
}

}  // namespace emlfs::sync
