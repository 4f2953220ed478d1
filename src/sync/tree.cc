#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "emlfs/base/error.h"
#include "emlfs/base/log.h"
#include "emlfs/sync/sync.h"
#include "emlfs/view/layout.h"
#include "sync/change_time.h"

namespace emlfs::sync {
namespace {

std::string joined(const std::vector<std::string>& path) {
  std::string text;
  for (const auto& level : path) text += '/' + level;
  return text;
}

// The directories of the store against those that the server has now.
class TreeUpdate {
 public:
  TreeUpdate(store::Update& update, store::IdSource& ids) : update_(update), ids_(ids) {
    for (auto& record : update.mailboxes()) {
      if (!record.wire.empty()) by_wire_.emplace(record.wire, record.id);
      known_.emplace(record.id, std::move(record));
    }
    if (known_.count(kRoot) == 0) {
      store::MailboxRecord root;
      root.id = kRoot;
      root.inode = kRootNode;
      root.changed = changeTime(0);
      update.putMailbox(root);
      known_.emplace(kRoot, root);
    }
    kept_.insert(kRoot);
  }

  // Parents come before their children.
  void place(const view::Directory& directory) {
    auto parent_path = directory.path;
    parent_path.pop_back();
    const MailboxId parent = parent_path.empty() ? kRoot : at_.at(joined(parent_path));
    const auto& name = directory.path.back();

    store::MailboxRecord record;
    if (const auto known = identify(directory, parent)) record = known_.at(*known);
    const store::MailboxRecord before = record;
    record.parent = parent;
    record.name = name;
    record.wire = directory.entry ? directory.entry->wire : "";
    record.selectable = directory.entry && directory.entry->selectable;
    record.special_use = directory.entry ? directory.entry->special_use : "";
    if (!record.selectable) {
      if (before.selectable && before.id.value != 0) removeMessages(before.id);
      record.state = {};
    }
    if (record.id.value == 0) {
      record.id = MailboxId{ids_.next() | kDirectoryBit};
      record.inode = mailboxInode(joined(directory.path));
      record.changed = changeTime(0);
      addName(parent, name);
    } else if (before.parent != parent || before.name != name) {
      removeName(before.parent, before.id.value, before.name);
      addName(parent, name);
    }
    // It has messages from now on, or none any more.
    if (before.id.value != 0 && before.selectable != record.selectable) changeOf(record.id);
    at_.emplace(joined(directory.path), record.id);
    kept_.insert(record.id);
    if (!same(before, record)) pending_.push_back(std::move(record));
  }

  void finish() {
    removeLost();
    for (auto& record : pending_) {
      // A name may be held by a message: the mailbox has it (design.md, section 2).
      if (const auto taken = update_.find(record.parent, record.name);
          taken && !isDirectory(taken->node))
        renameMessage(MessageId{taken->node}, record);
      // The counter may have moved while children were put or removed.
      if (const auto stored = update_.mailbox(record.id))
        record.subdirectories = stored->subdirectories;
      update_.putMailbox(record);
    }
    for (auto& [directory, change] : changes_) {
      auto record = update_.mailbox(directory);
      if (!record) continue;
      record->changed = changeTime(record->changed);
      update_.putMailbox(*record);
      change.attributes.push_back(directory.value);
    }
  }

  const std::map<MailboxId, TreeChange>& changes() const { return changes_; }

 private:
  static bool same(const store::MailboxRecord& a, const store::MailboxRecord& b) {
    return a.id == b.id && a.parent == b.parent && a.name == b.name && a.wire == b.wire &&
           a.selectable == b.selectable && a.special_use == b.special_use;
  }

  std::optional<MailboxId> identify(const view::Directory& directory, MailboxId parent) const {
    if (directory.entry) {
      const auto found = by_wire_.find(directory.entry->wire);
      if (found != by_wire_.end() && kept_.count(found->second) == 0) return found->second;
    }
    // A level that became a mailbox, or stopped being one, stays the same directory.
    const auto there = update_.find(parent, directory.path.back());
    if (!there || !isDirectory(there->node) || kept_.count(MailboxId{there->node}) != 0)
      return std::nullopt;
    const auto& known = known_.at(MailboxId{there->node});
    const bool was_level = known.wire.empty() || !directory.entry;
    return was_level ? std::optional(known.id) : std::nullopt;
  }

  void removeLost() {
    std::vector<const store::MailboxRecord*> lost;
    for (const auto& [id, record] : known_)
      if (kept_.count(id) == 0) lost.push_back(&record);
    // Children before their parents.
    const auto depth = [&](const store::MailboxRecord* record) {
      size_t levels = 0;
      for (auto at = record->id; at != kRoot && known_.count(at) != 0; at = known_.at(at).parent)
        ++levels;
      return levels;
    };
    std::sort(lost.begin(), lost.end(),
              [&](const auto* a, const auto* b) { return depth(a) > depth(b); });
    moveAside();
    for (const auto* record : lost) {
      putBackArrivals(record->id);
      removeName(record->parent, record->id.value, record->name);
      update_.removeMailbox(record->id);
      changes_.erase(record->id);
    }
  }

  // What we were about to move there stays where the server has it.
  void putBackArrivals(MailboxId directory) {
    std::vector<store::MessageRecord> foreign;
    update_.arrivals(directory, {}, [&](const store::MessageRecord& message) {
      if (message.mailbox != directory) foreign.push_back(message);
      return true;
    });
    for (auto& message : foreign) {
      removeName(directory, message.id.value, message.name);
      message.shown = store::Shown::in_place;
      message.directory = {};
      const auto name = message.name;
      for (unsigned n = 1; update_.find(message.mailbox, message.name); ++n)
        message.name = view::alternativeName(name, n);
      update_.putMessage(message);
      addName(message.mailbox, message.name);
    }
  }

  // What changes its place or name gives up the old ones first: a new one may be after them, and a
  // directory that goes must be empty. The names in between are nobody's: no level is called so.
  void moveAside() {
    for (const auto& record : pending_) {
      const auto before = known_.find(record.id);
      if (before == known_.end()) continue;
      auto aside = before->second;
      if (aside.parent == record.parent && aside.name == record.name) continue;
      aside.parent = kRoot;
      aside.name = "/" + std::to_string(record.id.value);
      update_.putMailbox(aside);
    }
  }

  void removeMessages(MailboxId mailbox) {
    update_.messages(mailbox, 0, [&](const store::MessageRecord& message) {
      if (const auto directory = store::shownIn(message))
        removeName(*directory, message.id.value, message.name);
      return true;
    });
    update_.removeMessages(mailbox);
  }

  void renameMessage(MessageId id, const store::MailboxRecord& mailbox) {
    auto message = update_.message(id);
    if (!message) return;
    const auto name = message->name;
    for (unsigned n = 1; update_.find(mailbox.parent, message->name); ++n)
      message->name = view::alternativeName(name, n);
    update_.putMessage(*message);
    removeName(mailbox.parent, id.value, name);
    addName(mailbox.parent, message->name);
  }

  TreeChange& changeOf(MailboxId directory) {
    auto& change = changes_[directory];
    change.directory = directory;
    change.entries = true;
    return change;
  }
  void addName(MailboxId directory, const std::string& name) {
    changeOf(directory).added.push_back(name);
  }
  void removeName(MailboxId directory, uint64_t node, const std::string& name) {
    changeOf(directory).removed.push_back({node, name});
  }

  store::Update& update_;
  store::IdSource& ids_;
  std::unordered_map<MailboxId, store::MailboxRecord> known_;
  std::unordered_map<std::string, MailboxId> by_wire_;
  std::unordered_map<std::string, MailboxId> at_;
  std::unordered_set<MailboxId> kept_;
  std::vector<store::MailboxRecord> pending_;
  std::map<MailboxId, TreeChange> changes_;
};

bool isStale(const SyncState& state, const MailboxStatus& status) {
  return !state.complete || status.messages != state.messages ||
         status.uid_validity != state.uid_validity ||
         (status.uid_next != 0 && status.uid_next != state.uid_next) ||
         status.highest_modseq != state.highest_modseq;
}

void follow(const std::vector<ListEntry>& entries, const std::vector<Namespace>& namespaces,
            Store store, const OnChange& on_change) {
  const auto directories = view::layout(entries, namespaces, false);
  const auto update = store.cache.begin();
  TreeUpdate tree(*update, store.ids);
  for (const auto& directory : directories) tree.place(directory);
  tree.finish();
  update->commit();
  for (const auto& [id, change] : tree.changes())
    if (!change.empty()) on_change(change);
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

// Mailboxes of the store that are not in the list.
std::vector<std::string> missing(const std::vector<ListEntry>& entries, Store store) {
  std::unordered_set<std::string_view> listed;
  for (const auto& entry : entries) listed.insert(entry.wire);
  std::vector<std::string> names;
  for (const auto& record : store.cache.snapshot()->mailboxes())
    if (record.selectable && listed.count(record.wire) == 0) names.push_back(record.wire);
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
    return !record.selectable || (!record.state.complete && record.state.listed_to == 0);
  });
  return all;
}

}  // namespace

std::vector<MailboxId> refreshTree(imap::Session& session, const std::vector<Namespace>& namespaces,
                                   Store store, Doubts& doubts, const OnChange& on_change) {
  const auto entries = session.list(namespaces);
  requireStatuses(entries, doubts);
  requireGone(session, missing(entries, store), doubts);
  follow(entries, namespaces, store, on_change);

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
