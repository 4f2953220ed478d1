#include "emlfs/sync/mailbox_change.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "emlfs/base/error.h"
#include "emlfs/store/path.h"
#include "emlfs/sync/change.h"
#include "emlfs/sync/rights.h"
#include "emlfs/view/layout.h"
#include "emlfs/view/mailbox_patterns.h"
#include "sync/change_time.h"
#include "sync/left_out.h"
#include "sync/namespaces.h"
#include "sync/overlay.h"
#include "sync/sent.h"
#include "sync/tree_update.h"

namespace emlfs::sync {
namespace {

using store::Change;
using store::MailboxRecord;

[[noreturn]] void refuse(Code code, const char* what) {
  throw Error(code, Scope::mailbox, what);
}

MailboxRecord recordOf(const store::Snapshot& snapshot, MailboxId id) {
  auto record = snapshot.mailbox(id);
  if (!record || record->hidden) refuse(Code::stale, "the directory is no longer there");
  return std::move(*record);
}

// The name of a level that the server has not listed: that of a mailbox below it shows.
std::string wireOf(const store::Snapshot& snapshot, const MailboxRecord& record, char delimiter) {
  if (!record.wire.empty()) return record.wire;
  std::string found;
  snapshot.subdirectories(record.id, 0, [&](const MailboxRecord& below) {
    found = parentName(wireOf(snapshot, below, delimiter), delimiter);
    return found.empty();
  });
  return found;
}

bool isWithinDirectory(const store::Snapshot& snapshot, MailboxId inner, MailboxId outer) {
  while (inner != kRoot) {
    if (inner == outer) return true;
    inner = recordOf(snapshot, inner).parent;
  }
  return false;
}

// What the server is to call a new directory. Throws if it can't be there.
std::string newWire(const store::Snapshot& snapshot, MailboxId parent, const std::string& name) {
  if (name.starts_with('.'))
    refuse(Code::not_permitted, "mailboxes whose names begin with a dot are not made");
  const auto namespaces = storedNamespaces(snapshot);
  const char delimiter = delimiterOf(namespaces);
  const std::string level = view::mailboxLevel(name, false);
  const bool flat = delimiter != 0 && level.find(delimiter) != std::string::npos;
  if (flat) refuse(Code::invalid, "a name can't hold what separates the server's levels");
  if (snapshot.find(parent, name)) refuse(Code::exists, "the name is taken");
  const auto above = recordOf(snapshot, parent);
  requireRights(above, {Right::make});

  std::string wire;
  if (parent == kRoot) {
    for (const auto& space : namespaces)
      if (space.kind == Namespace::Kind::personal) {
        wire = space.prefix;
        break;
      }
  } else {
    wire = wireOf(snapshot, above, delimiter);
    if (delimiter == 0 || !above.inferiors || wire.empty())
      refuse(Code::denied, "the server can't have mailboxes below that one");
    wire += delimiter;
  }
  wire += level;
  const auto pathOf = [&](const std::string& mailbox) {
    ListEntry entry;
    entry.wire = realName(mailbox);
    entry.delimiter = delimiter;
    return view::layout({entry}, namespaces, false).back().path;
  };
  // Below INBOX, say, where that is the prefix of all mailboxes: it would show up elsewhere. As the
  // server has it: the directory above may have been moved meanwhile.
  const auto path = pathOf(wire);
  const size_t depth = parent == kRoot ? 0 : pathOf(wireOf(snapshot, above, delimiter)).size();
  const bool there = path.size() == depth + 1;
  // INBOX is called so in any case.
  if (there && path.back() != name && snapshot.find(parent, path.back()))
    refuse(Code::exists, "the server has that mailbox, written otherwise");
  if (!there || path.back() != name)
    refuse(Code::denied, "the server can't have such a mailbox there");
  return wire;
}

// A directory that nobody would see, and those below it, are not made.
void requireShown(Store store, const std::string& path) {
  if (!view::isShown(store.mailboxes, std::string_view(path).substr(1)))
    refuse(Code::not_permitted, "the option mailboxes leaves that name out");
}
void requireShown(Store store, const store::Snapshot& snapshot, const MailboxRecord& record,
                  const std::string& path) {
  if (record.selectable) requireShown(store, path);
  snapshot.subdirectories(record.id, 0, [&](const MailboxRecord& below) {
    requireShown(store, snapshot, below, path + "/" + below.name);
    return true;
  });
}

// On the server there are more mailboxes below it than anybody sees here.
bool hasLeftOut(Store store, const store::Snapshot& snapshot, const std::string& wire) {
  if (store.mailboxes.empty() || wire.empty()) return false;
  const auto namespaces = storedNamespaces(snapshot);
  const auto all = snapshot.mailboxes();
  return std::ranges::any_of(all, [&](const MailboxRecord& record) {
    return record.hidden && record.wire != wire &&
           isWithin(record.wire, wire, delimiterOf(namespaces)) &&
           isLeftOut(record.wire, namespaces, store.mailboxes);
  });
}

bool isSpecial(const MailboxRecord& record) {
  return record.id == kRoot || record.wire == "INBOX" || !record.special_use.empty();
}

// The server's mailboxes that have to be given another name, for a directory to get one: it, or
// where it is only a level, the topmost below it.
void topmost(const store::Snapshot& snapshot, const MailboxRecord& record,
             std::vector<MailboxRecord>& found) {
  if (record.selectable) {
    found.push_back(record);
    return;
  }
  snapshot.subdirectories(record.id, 0, [&](const MailboxRecord& below) {
    topmost(snapshot, below, found);
    return true;
  });
}

// Levels that the server lists and that are no mailboxes, those below before those above.
void listedLevels(const store::Snapshot& snapshot, const MailboxRecord& record,
                  std::vector<std::string>& found) {
  if (record.selectable) return;
  snapshot.subdirectories(record.id, 0, [&](const MailboxRecord& below) {
    listedLevels(snapshot, below, found);
    return true;
  });
  if (!record.wire.empty()) found.push_back(record.wire);
}

// A level isn't on the server but by what is below it: it goes by itself, and stays the same
// directory.
void moveLevel(Store store, MailboxId id, MailboxId parent, const std::string& name) {
  const auto update = store.cache.begin();
  auto record = update->mailbox(id);
  if (!record || record->selectable) return;
  record->parent = parent;
  record->name = name;
  record->wire.clear();
  update->putMailbox(*record);
  update->commit();
}

// What the kernel does itself, and need not be told.
class OwnDoing {
 public:
  explicit OwnDoing(const OnChange& on_change) : on_change_(on_change) {}
  void name(MailboxId directory, const std::string& name) { names_.emplace_back(directory, name); }

  OnChange rest() const {
    return [this](const TreeChange& all) {
      TreeChange change = all;
      const auto ours = [&](const std::string& name) {
        return std::find(names_.begin(), names_.end(), std::pair(change.directory, name)) !=
               names_.end();
      };
      std::erase_if(change.added, ours);
      std::erase_if(change.removed, [&](const auto& gone) { return ours(gone.name); });
      if (!change.added.empty() || !change.removed.empty()) on_change_(change);
    };
  }

 private:
  const OnChange& on_change_;
  std::vector<std::pair<MailboxId, std::string>> names_;
};

// Whether messages that are hidden in it would be lost with it, were it removed.
bool keepsHidden(Store store, const store::Snapshot& snapshot, MailboxId id) {
  bool any = false;
  snapshot.messages(id, 0, [&](const store::MessageRecord& message) {
    if (message.shown != store::Shown::hidden) return true;
    const auto ours = store.pending->outlook(message.id);
    any = !ours || (!ours->expunged && !ours->directory);
    return !any;
  });
  return any;
}

// The server's list of tomorrow doesn't name a level that was never a mailbox.
void removeLevel(Store store, const MailboxRecord& record) {
  const auto update = store.cache.begin();
  if (auto parent = update->mailbox(record.parent)) {
    parent->changed = changeTime(parent->changed);
    update->putMailbox(*parent);
  }
  update->removeMailbox(record.id);
  update->commit();
}

}  // namespace

MailboxRecord makeMailbox(Store store, MailboxId parent, const std::string& name,
                          const OnChange& on_change) {
  Change change;
  change.kind = Change::Kind::create_mailbox;
  const MailboxId id{store.ids.next() | kDirectoryBit};
  change.id = MessageId{id.value};
  const auto epoch = store.pending->epoch();
  {
    const auto snapshot = store.cache.snapshot();
    change.mailbox = newWire(*snapshot, parent, name);
    requireShown(store, store::pathOf(*snapshot, parent).value_or("") + "/" + name);
    const std::string& wire = change.mailbox;
    // Also one that a pending rename passes through, on its way to another name.
    if (std::ranges::any_of(snapshot->mailboxes(),
                            [&](const auto& record) { return record.wire == wire; }) ||
        std::ranges::any_of(store.pending->mailboxChanges(),
                            [&](const Change& earlier) { return earlier.other == wire; }))
      change.mailbox = provisionalName(wire, id);
  }
  store.pending->add({.add = {change}}, {}, epoch);
  OwnDoing kernel(on_change);
  kernel.name(parent, name);
  reshape(store, kernel.rest());
  const auto record = store.cache.snapshot()->mailbox(id);
  if (!record) refuse(Code::stale, "the directory above is no longer there");
  return *record;
}

void renameMailbox(Store store, MailboxId id, MailboxId parent, const std::string& name,
                   const OnChange& on_change) {
  std::vector<Change> changes;
  OwnDoing kernel(on_change);
  const auto epoch = store.pending->epoch();
  {
    const auto snapshot = store.cache.snapshot();
    const auto record = recordOf(*snapshot, id);
    if (record.parent == parent && record.name == name) return;
    if (isSpecial(record)) refuse(Code::busy, "that mailbox keeps its name");
    if (isWithinDirectory(*snapshot, parent, id))
      refuse(Code::invalid, "a mailbox can't be inside itself");
    const std::string wire = newWire(*snapshot, parent, name);
    requireShown(store, *snapshot, record,
                 store::pathOf(*snapshot, parent).value_or("") + "/" + name);
    const char delimiter = delimiterOf(storedNamespaces(*snapshot));
    const std::string now = wireOf(*snapshot, record, delimiter);
    std::vector<MailboxRecord> mailboxes;
    topmost(*snapshot, record, mailboxes);
    if (mailboxes.empty()) refuse(Code::not_permitted, "there is no mailbox in that directory");
    for (const auto& mailbox : mailboxes) {
      if (isSpecial(mailbox)) refuse(Code::busy, "a mailbox in it keeps its name");
      // Its own change of name is on its way.
      if (!isWithin(mailbox.wire, now, delimiter))
        refuse(Code::busy, "a mailbox in it is being renamed: try again");
      requireRights(mailbox, {Right::remove_mailbox});
      Change change;
      change.kind = Change::Kind::rename_mailbox;
      change.id = MessageId{mailbox.id.value};
      change.mailbox = mailbox.wire;
      change.other = wire + mailbox.wire.substr(now.size());
      changes.push_back(std::move(change));
    }
    std::vector<std::string> levels;
    listedLevels(*snapshot, record, levels);
    for (auto& level : levels) {
      if (hasLeftOut(store, *snapshot, level)) continue;
      Change change;
      change.kind = Change::Kind::remove_mailbox;
      change.mailbox = std::move(level);
      changes.push_back(std::move(change));
    }
    kernel.name(record.parent, record.name);
    kernel.name(parent, name);
  }
  store.pending->add({.add = std::move(changes)}, {}, epoch);
  moveLevel(store, id, parent, name);
  reshape(store, kernel.rest());
}

void removeMailbox(Store store, MailboxId id, const OnChange& on_change) {
  Change change;
  change.kind = Change::Kind::remove_mailbox;
  change.id = MessageId{id.value};
  MailboxRecord record;
  const auto epoch = store.pending->epoch();
  {
    const auto snapshot = store.cache.snapshot();
    record = recordOf(*snapshot, id);
    if (isSpecial(record)) refuse(Code::busy, "that mailbox stays");
    requireRights(record, {Right::remove_mailbox});
    bool empty = record.subdirectories == 0;
    snapshot->arrivals(id, {}, [&](const auto&) { return empty = false; });
    snapshot->messages(id, 0, [&](const store::MessageRecord& message) {
      if (message.shown == store::Shown::in_place) empty = false;
      return empty;
    });
    if (!empty) refuse(Code::not_empty, "the mailbox is not empty");
    if (hasLeftOut(store, *snapshot, record.wire))
      refuse(Code::not_empty, "the option mailboxes leaves out mailboxes that are below it");
    if (keepsHidden(store, *snapshot, id)) {
      const auto trash = trashOf(*snapshot);
      const char delimiter = delimiterOf(storedNamespaces(*snapshot));
      if (!trash || !trash->inferiors || isWithinDirectory(*snapshot, id, trash->id) ||
          isWithin(record.wire, trash->wire, delimiter))
        refuse(Code::not_empty,
               "the mailbox holds deleted messages, and there is no \\Trash for them: `emlfs "
               "expunge` removes them for good");
    }
    change.mailbox = record.wire;
  }
  if (record.wire.empty()) {
    removeLevel(store, record);
    return;
  }
  store.pending->add({.add = {change}}, {}, epoch);
  OwnDoing kernel(on_change);
  kernel.name(record.parent, record.name);
  reshape(store, kernel.rest());
}

}  // namespace emlfs::sync
