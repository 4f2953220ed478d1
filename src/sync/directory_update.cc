#include "sync/directory_update.h"

#include <algorithm>
#include <utility>

#include "emlfs/base/log.h"
#include "emlfs/sync/free_name.h"
#include "emlfs/view/names.h"
#include "sync/apply.h"
#include "sync/change_time.h"
#include "sync/left_out.h"

namespace emlfs::sync {
namespace {

bool same(const store::MailboxRecord& a, const store::MailboxRecord& b) {
  return a.id == b.id && a.parent == b.parent && a.name == b.name && a.wire == b.wire &&
         a.selectable == b.selectable && a.special_use == b.special_use &&
         a.inferiors == b.inferiors && a.unborn == b.unborn && a.hidden == b.hidden;
}

}  // namespace

DirectoryUpdate::DirectoryUpdate(store::Update& update, store::IdSource& ids)
    : update_(update), ids_(ids) {
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

void DirectoryUpdate::hide(const std::set<std::string>& wires) {
  for (const auto& [id, known] : known_) {
    if (known.wire.empty() || wires.count(known.wire) == 0) continue;
    kept_.insert(id);
    if (known.hidden) continue;
    removeName(known.parent, id.value, known.name);
    store::MailboxRecord record = known;
    record.hidden = true;
    record.parent = kRoot;
    pending_.push_back(std::move(record));
  }
}

void DirectoryUpdate::leaveOut(const view::Directory& directory, const PlannedMailbox& planned,
                               bool named) {
  store::MailboxRecord record;
  if (const auto known = identify(planned)) record = known_.at(*known);
  const store::MailboxRecord before = record;
  const std::string path = joined(directory.path);
  record.parent = kRoot;
  record.name = path.size() <= view::kNameMax ? path : directory.path.back();
  record.wire = planned.wire;
  record.selectable = true;
  record.inferiors = directory.entry->inferiors;
  record.special_use = directory.entry->special_use;
  record.unborn = planned.unborn;
  record.hidden = true;
  if (record.id.value == 0) {
    record.id = planned.id.value != 0 ? planned.id : MailboxId{ids_.next() | kDirectoryBit};
    record.state.complete = record.unborn;
    record.inode = mailboxInode('/' + path);
    record.changed = changeTime(0);
  } else if (!before.hidden) {
    removeName(before.parent, before.id.value, before.name);
  }
  kept_.insert(record.id);
  const bool forget = !named && before.id.value != 0 && !record.unborn && isKnown(before) &&
                      !awaitsDraft(before.id);
  if (forget) {
    log::info("mailbox {} is left out: nothing of it is kept", record.wire);
    putBackArrivals(record.id);
    update_.removeMessages(record.id);
    record.state = {};
  }
  if (forget || !same(before, record)) pending_.push_back(std::move(record));
}

void DirectoryUpdate::place(const view::Directory& directory, const PlannedMailbox* planned) {
  auto parent_path = directory.path;
  parent_path.pop_back();
  const MailboxId parent = parent_path.empty() ? kRoot : at_.at(joined(parent_path));
  const auto& name = directory.path.back();

  store::MailboxRecord record;
  if (const auto known = identify(directory, planned, parent)) record = known_.at(*known);
  const store::MailboxRecord before = record;
  record.parent = parent;
  record.name = name;
  record.wire = planned != nullptr ? planned->wire : "";
  record.selectable = directory.entry && directory.entry->selectable;
  record.inferiors = !directory.entry || directory.entry->inferiors;
  record.special_use = directory.entry ? directory.entry->special_use : "";
  record.unborn = planned != nullptr && planned->unborn;
  record.hidden = false;
  if (!record.selectable) {
    if (before.selectable && before.id.value != 0) removeMessages(before.id);
    record.state = forgotten(record.state, 0);
  }
  if (record.id.value == 0) {
    const bool given = planned != nullptr && planned->id.value != 0;
    record.id = given ? planned->id : MailboxId{ids_.next() | kDirectoryBit};
    record.state.complete = record.unborn;  // there is nothing to be listed
    record.inode = mailboxInode('/' + joined(directory.path));
    record.changed = changeTime(0);
    addName(parent, name);
  } else if (before.parent != parent || before.name != name || before.hidden) {
    if (!before.hidden) removeName(before.parent, before.id.value, before.name);
    addName(parent, name);
  }
  // It has messages from now on, or none any more.
  if (before.id.value != 0 && before.selectable != record.selectable) changeOf(record.id);
  at_.emplace(joined(directory.path), record.id);
  kept_.insert(record.id);
  if (!same(before, record)) pending_.push_back(std::move(record));
}

void DirectoryUpdate::keepLevels() {
  bool more = true;
  const auto keep = [&](const store::MailboxRecord& record) {
    if (kept_.count(record.id) != 0 || !record.wire.empty() || record.hidden) return;
    if (kept_.count(record.parent) == 0 || isTaken(record.parent, record.name)) return;
    more = kept_.insert(record.id).second;
  };
  while (std::exchange(more, false))
    for (const auto& [id, record] : known_) keep(record);
}

void DirectoryUpdate::finish() {
  removeLost();
  for (auto& record : pending_) {
    // A name may be held by a message: the mailbox has it (design.md, section 2).
    if (const auto taken = update_.find(record.parent, record.name);
        taken && !isDirectory(taken->node) && !record.hidden)
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

bool DirectoryUpdate::isTaken(MailboxId parent, const std::string& name) const {
  return std::any_of(pending_.begin(), pending_.end(), [&](const auto& record) {
    return record.parent == parent && record.name == name;
  });
}

// Something of it is in the store besides its record.
bool DirectoryUpdate::isKnown(const store::MailboxRecord& record) const {
  bool any = record.state.uid_validity != 0 || record.state.listed_to != 0;
  update_.messages(record.id, 0, [&](const auto&) { return any = true, false; });
  update_.arrivals(record.id, {}, [&](const auto&) { return any = true, false; });
  return any;
}

bool DirectoryUpdate::awaitsDraft(MailboxId id) const {
  bool any = false;
  update_.arrivals(id, {}, [&](const store::MessageRecord& message) {
    any = message.uid == 0;
    return !any;
  });
  return any;
}

std::optional<MailboxId> DirectoryUpdate::identify(const PlannedMailbox& planned) const {
  for (const auto* wire : {&planned.wire, &planned.was}) {
    const auto found = by_wire_.find(*wire);
    if (found != by_wire_.end() && kept_.count(found->second) == 0) return found->second;
  }
  const bool free = known_.count(planned.id) != 0 && kept_.count(planned.id) == 0;
  return free ? std::optional(planned.id) : std::nullopt;
}

std::optional<MailboxId> DirectoryUpdate::identify(const view::Directory& directory,
                                                   const PlannedMailbox* planned,
                                                   MailboxId parent) const {
  if (planned != nullptr)
    if (const auto known = identify(*planned)) return known;
  // A level that became a mailbox, or stopped being one, stays the same directory.
  const auto there = update_.find(parent, directory.path.back());
  if (!there || !isDirectory(there->node) || kept_.count(MailboxId{there->node}) != 0)
    return std::nullopt;
  const auto& known = known_.at(MailboxId{there->node});
  const bool was_level = known.wire.empty() || !directory.entry;
  return was_level ? std::optional(known.id) : std::nullopt;
}

void DirectoryUpdate::removeLost() {
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
    if (!record->wire.empty()) log::info("mailbox {} is gone", record->wire);
    putBackArrivals(record->id);
    unnameMessages(record->id);
    if (!record->hidden) removeName(record->parent, record->id.value, record->name);
    update_.removeMailbox(record->id);
    changes_.erase(record->id);
  }
}

// What we were about to move there stays where the server has it.
void DirectoryUpdate::putBackArrivals(MailboxId directory) {
  std::vector<store::MessageRecord> foreign;
  update_.arrivals(directory, {}, [&](const store::MessageRecord& message) {
    if (message.mailbox != directory) foreign.push_back(message);
    return true;
  });
  for (auto& message : foreign) {
    removeName(directory, message.id.value, message.name);
    message.shown = store::Shown::in_place;
    message.directory = {};
    message.name = freeName(update_, message.mailbox, message.name);
    update_.putMessage(message);
    addName(message.mailbox, message.name);
  }
}

// What changes its place or name gives up the old ones first: a new one may be after them, and a
// directory that goes must be empty. The names in between are nobody's: no level is called so.
void DirectoryUpdate::moveAside() {
  for (const auto& record : pending_) {
    const auto before = known_.find(record.id);
    if (before == known_.end()) continue;
    auto aside = before->second;
    if (aside.parent == record.parent && aside.name == record.name && aside.hidden == record.hidden)
      continue;
    aside.hidden = record.hidden;
    aside.parent = kRoot;
    aside.name = "/" + std::to_string(record.id.value);
    update_.putMailbox(aside);
  }
}

void DirectoryUpdate::removeMessages(MailboxId mailbox) {
  log::info("mailbox {} holds no messages any more", known_.at(mailbox).wire);
  unnameMessages(mailbox);
  update_.removeMessages(mailbox);
}

// Wherever they are shown.
void DirectoryUpdate::unnameMessages(MailboxId mailbox) {
  const auto unname = [&](const store::MessageRecord& message) {
    if (const auto directory = store::shownIn(message))
      removeName(*directory, message.id.value, message.name);
    return true;
  };
  update_.messages(mailbox, 0, unname);
  // Those that have no UID yet.
  update_.arrivals(mailbox, {}, [&](const store::MessageRecord& message) {
    return message.mailbox != mailbox || message.uid != 0 || unname(message);
  });
}

void DirectoryUpdate::renameMessage(MessageId id, const store::MailboxRecord& mailbox) {
  auto message = update_.message(id);
  if (!message) return;
  const auto name = message->name;
  message->name = freeName(update_, mailbox.parent, name);
  update_.putMessage(*message);
  removeName(mailbox.parent, id.value, name);
  addName(mailbox.parent, message->name);
}

TreeChange& DirectoryUpdate::changeOf(MailboxId directory) {
  auto& change = changes_[directory];
  change.directory = directory;
  change.entries = true;
  return change;
}

void DirectoryUpdate::addName(MailboxId directory, const std::string& name) {
  changeOf(directory).added.push_back(name);
}

void DirectoryUpdate::removeName(MailboxId directory, uint64_t node, const std::string& name) {
  changeOf(directory).removed.push_back({node, name});
}

}  // namespace emlfs::sync
