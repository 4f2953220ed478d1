#include "sync/mailbox_sent.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "sync/apply.h"
#include "sync/change_time.h"
#include "sync/overlay.h"
#include "sync/revalued.h"
#include "sync/told_changes.h"
#include "sync/tree_update.h"

namespace emlfs::sync {
namespace {

// An empty one is known whole. Of another the kernel may have cached that it is empty.
void setState(store::MailboxRecord& record, const MailboxStatus& status, TreeChange& change) {
  record.unborn = false;
  record.state = forgotten(record.state, status.uid_validity);
  if (status.messages != 0 || status.uid_next == 0) {
    record.changed = changeTime(record.changed);
    change.directory = record.id;
    change.entries = true;
    change.attributes.push_back(record.id.value);
    return;
  }
  record.state.uid_next = status.uid_next;
  record.state.listed_to = status.uid_next - 1;
  record.state.highest_modseq = status.highest_modseq;
  record.state.complete = true;
}

}  // namespace

void settleRenamed(imap::Session& session, Store store, uint64_t number, Renamed renamed,
                   const std::optional<MailboxStatus>& status, const OnChange& on_change) {
  const std::string from = renamed.from;
  const std::string to = renamed.to;
  const char delimiter = renamed.delimiter;
  auto mentioned = mentions(*store.pending);
  for (const auto& record : store.cache.snapshot()->mailboxes()) {
    const bool before = isWithin(record.wire, from, delimiter);
    if (record.wire.empty() || (!before && !isWithin(record.wire, to, delimiter))) continue;
    const std::string wire = before ? to + record.wire.substr(from.size()) : record.wire;
    convenience([&] {
      const auto& of = mentioned[from + wire.substr(to.size())];
      auto now = revalued(session, store, record, of, wire);
      if (now) renamed.revalued[wire] = std::move(*now);
    });
  }
  store.pending->renaming();
  std::map<MailboxId, TreeChange> changes;
  {
    const auto update = store.cache.begin();
    Changes elsewhere(*update);
    const auto all = update->mailboxes();
    for (auto record : all) {
      const bool before = isWithin(record.wire, from, delimiter);
      if (record.wire.empty() || (!before && !isWithin(record.wire, to, delimiter))) continue;
      // The server's list may have been here first.
      const std::string wire = before ? to + record.wire.substr(from.size()) : record.wire;
      const bool known =
          wire != record.wire && std::any_of(all.begin(), all.end(),
                                             [&](const auto& other) { return other.wire == wire; });
      if (known) continue;
      record.wire = wire;
      const auto now = renamed.revalued.find(wire);
      if (now != renamed.revalued.end() && now->second.before == record.state.uid_validity)
        renumber(*update, record, now->second, changes[record.id], elsewhere);
      if (status && record.unborn && wire == to) setState(record, *status, changes[record.id]);
      update->putMailbox(record);
    }
    elsewhere.commit(on_change);
  }
  store.pending->renamed(number, renamed);
  for (const auto& [id, change] : changes)
    if (!change.empty()) on_change(change);
  reshape(store, on_change);
}

void settleRemoved(Store store, const store::Change& change, const OnChange& on_change) {
  store.pending->renaming();
  {
    // The journal may still hide it if this is lost; the list of the server says the rest.
    const auto update = store.cache.begin();
    for (auto& record : update->mailboxes()) {
      if (record.wire != change.mailbox || !record.hidden) continue;
      record.wire.clear();
      update->putMailbox(record);
    }
    update->commit();
  }
  store.pending->drop({change});
  reshape(store, on_change);
}

}  // namespace emlfs::sync
