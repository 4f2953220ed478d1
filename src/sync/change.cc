#include "emlfs/sync/change.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "emlfs/base/error.h"
#include "emlfs/sync/free_name.h"
#include "emlfs/sync/parked.h"
#include "emlfs/sync/rights.h"
#include "sync/change_time.h"
#include "sync/mend_view.h"
#include "sync/namespaces.h"
#include "sync/overlay.h"
#include "sync/sent.h"
#include "sync/told_changes.h"
#include "sync/tree_update.h"

namespace emlfs::sync {
namespace {

using store::Change;

store::MessageRecord recordOf(const store::Snapshot& snapshot, MessageId id) {
  auto record = snapshot.message(id);
  if (!record || record->shown == store::Shown::hidden)
    throw Error(Code::stale, Scope::message, "the message is no longer there");
  return std::move(*record);
}

// How the server will know it when all that is pending has been done.
store::MessageRef placeOf(Store store, const store::Snapshot& snapshot,
                          const store::MessageRecord& message) {
  const auto ours = store.pending->outlook(message.id);
  store::MessageRef place{{}, 0, message.uid, message.message_id, message.size};
  if (ours && ours->directory) {
    place.mailbox = *ours->directory;
    place.uid = 0;
  } else if (const auto mailbox = snapshot.mailbox(message.mailbox)) {
    place.mailbox = mailbox->wire;
    place.uid_validity = mailbox->state.uid_validity;
  }
  return place;
}

// Until the server has it in its place, a name is that of the local id.
store::NameKey nameKey(Store store, const store::Snapshot& snapshot,
                       const store::MessageRecord& message, bool moves) {
  const auto place = placeOf(store, snapshot, message);
  if (moves || place.uid == 0) return {{}, 0, 0, message.id};
  return {place.mailbox, place.uid_validity, place.uid, {}};
}

void touch(store::Update& update, MailboxId directory) {
  auto record = update.mailbox(directory);
  if (!record) return;
  record->changed = changeTime(record->changed);
  update.putMailbox(*record);
}

// The name is the person's: a message that came by it meanwhile gets another one.
void makeRoom(store::Update& update, MailboxId directory, const std::string& name, MessageId id,
              TreeChange& change) {
  const auto there = update.find(directory, name);
  if (!there || isDirectory(there->node) || there->node == id.value) return;
  auto other = update.message(MessageId{there->node});
  if (!other) return;
  change.directory = directory;
  change.entries = true;
  change.removed.push_back({other->id.value, name});
  other->name = freeName(update, directory, name);
  change.added.push_back(other->name);
  update.putMessage(*other);
}

// Hides messages and shows them again, in whatever directories.
class Shown {
 public:
  explicit Shown(store::Update& update) : update_(update), changes_(update) {}

  void hide(store::MessageRecord& message) {
    if (!store::shownIn(message)) return;
    changes_.unname(message);
    message.shown = store::Shown::hidden;
    update_.putMessage(message);
  }

  void show(store::MessageRecord& message) {
    if (message.shown != store::Shown::hidden) return;
    const bool arrived = message.directory != MailboxId{};
    const MailboxId directory = arrived ? message.directory : message.mailbox;
    // Who has the name by now keeps it.
    message.name = freeName(update_, directory, message.name);
    changes_.in(directory).added.push_back(message.name);
    message.shown = arrived ? store::Shown::arrived : store::Shown::in_place;
    update_.putMessage(message);
  }

  void commit(const OnChange& on_change) { changes_.commit(on_change); }

 private:
  store::Update& update_;
  Changes changes_;
};

// Of messages that may be hidden. `require` is asked about their mailboxes.
template <class Require>
void addChanges(Change::Kind kind, Store store, const std::vector<MessageId>& ids, const Flags& add,
                const Flags& remove, const Require& require) {
  std::vector<Change> changes;
  std::set<MessageId> moving;
  uint64_t epoch = 0;
  do {
    changes.clear();
    epoch = store.pending->epoch();
    moving = store.pending->onTheirWay(ids);
    const auto snapshot = store.cache.snapshot();
    for (const MessageId id : ids) {
      const auto message = snapshot->message(id);
      if (!message) throw Error(Code::stale, Scope::message, "the message is no longer there");
      if (const auto mailbox = snapshot->mailbox(message->mailbox)) require(*mailbox);
      changes.push_back(changeOf(kind, store, *snapshot, *message));
      changes.back().add = add;
      changes.back().remove = remove;
    }
  } while (!store.pending->add({.add = changes}, moving, epoch));
}

// Puts the message where it is to be seen, or does nothing if it is there already.
void place(store::Update& update, store::MessageRecord& message, MailboxId directory,
           const std::string& name) {
  message.name = name;
  if (store::shownIn(message) != directory) {
    message.shown = store::Shown::arrived;
    message.directory = directory;
  }
  update.putMessage(message);
}

// False if what it was made of is no longer so.
bool addMove(Store store, MessageId id, MailboxId directory, const std::string& name) {
  std::vector<Change> changes;
  std::vector<store::GivenName> names;
  const auto moving = store.pending->onTheirWay({id});
  const auto epoch = store.pending->epoch();
  {
    const auto snapshot = store.cache.snapshot();
    const auto message = recordOf(*snapshot, id);
    const auto destination = snapshot->mailbox(directory);
    if (!destination || !destination->selectable)
      throw Error(Code::not_permitted, Scope::mailbox, "messages can be only in mailboxes");
    const auto there = snapshot->find(directory, name);
    if (there && there->node != id.value)
      throw Error(Code::exists, Scope::message, "there is a file of that name");
    if (store::shownIn(message) != directory) {
      requireRights(*destination, {Right::insert});
      if (const auto source = snapshot->mailbox(message.mailbox))
        requireRights(*source, {Right::erase, Right::expunge});
      changes.push_back(changeOf(Change::Kind::move, store, *snapshot, message));
      changes.back().mailbox = destination->wire;
      changes.back().deletion = destination->special_use == "\\Trash";
    }
    names.push_back({nameKey(store, *snapshot, message, !changes.empty()), destination->wire, name,
                     message.message_id, message.date.seconds});
  }
  return store.pending->add({.add = std::move(changes), .put_names = std::move(names)}, moving,
                            epoch);
}

}  // namespace

Change changeOf(Change::Kind kind, Store store, const store::Snapshot& snapshot,
                const store::MessageRecord& message) {
  Change change;
  change.kind = kind;
  change.id = message.id;
  change.source = placeOf(store, snapshot, message);
  change.date = message.date;
  change.size = message.size;
  return change;
}

void moveMessage(Store store, MessageId id, MailboxId directory, const std::string& name,
                 const OnChange& on_change) {
  while (!addMove(store, id, directory, name)) {
  }
  showMove(store, id, directory, name, on_change);
}

void showMove(Store store, MessageId id, MailboxId directory, const std::string& name,
              const OnChange& on_change) {
  const auto update = store.cache.begin(store::Durability::soon);
  auto message = update->message(id);
  const auto ours = store.pending->outlook(id);
  const bool moves = message && update->mailbox(directory) &&
                     ((ours && ours->directory) || message->mailbox == directory ||
                      store::shownIn(*message) == directory);
  if (!moves) {
    // The kernel gives it the new name as soon as it hears that the move is taken.
    Changes back(*update);
    back.in(directory).removed.push_back({id.value, name});
    if (const auto stays = message ? store::shownIn(*message) : std::nullopt)
      back.in(*stays).added.push_back(message->name);
    back.commit(on_change);
    return;
  }
  TreeChange change;
  makeRoom(*update, directory, name, id, change);
  if (const auto before = store::shownIn(*message); before && before != directory)
    touch(*update, *before);
  touch(*update, directory);
  place(*update, *message, directory, name);
  update->commit();
  if (!change.empty()) on_change(change);
}

void changeFlags(Store store, const std::vector<MessageId>& ids, const Flags& add,
                 const Flags& remove, const OnChange& on_change) {
  addChanges(Change::Kind::flags, store, ids, add, remove, [&](const auto& mailbox) {
    requireFlagRights(mailbox, add);
    requireFlagRights(mailbox, remove);
  });
  if (add.has("\\Deleted")) showDeletion(store, ids, on_change);
  if (!remove.has("\\Deleted")) return;

  const auto update = store.cache.begin(store::Durability::soon);
  Shown shown(*update);
  for (const MessageId id : ids)
    if (auto message = update->message(id)) shown.show(*message);
  shown.commit(on_change);
}

void expungeMessages(Store store, const std::vector<MessageId>& ids, const OnChange& on_change) {
  addChanges(Change::Kind::expunge, store, ids, {}, {},
             [](const auto& mailbox) { requireRights(mailbox, {Right::erase, Right::expunge}); });
  showDeletion(store, ids, on_change);
}

void showDeletion(Store store, const std::vector<MessageId>& ids, const OnChange& on_change) {
  const auto update = store.cache.begin(store::Durability::soon);
  Shown shown(*update);
  for (const MessageId id : ids) {
    auto message = update->message(id);
    if (!message) continue;
    const auto ours = store.pending->outlook(id);
    const bool is_deleted = (ours && ours->deleted) || message->flags.has("\\Deleted");
    if (is_deleted) shown.hide(*message);
  }
  shown.commit(on_change);
}

void showPending(Store store) {
  // A crash may have come between the journal and the view.
  const auto changes = store.pending->changes();
  Run refused;
  std::ranges::copy_if(changes, std::back_inserter(refused), [](const Change& change) {
    return change.state == Change::State::parked && !ofMailboxes(change);
  });
  if (!refused.empty()) putBack(store, refused, [](const TreeChange&) {});
  if (!store.pending->mailboxChanges().empty() &&
      !storedNamespaces(*store.cache.snapshot()).empty())
    reshape(store, [](const TreeChange&) {});
  showChosen(store);
  mendView(store);
  const auto ids = store.pending->messages();
  if (ids.empty()) return;
  const auto update = store.cache.begin(store::Durability::soon);
  Shown shown(*update);
  TreeChange moved;
  std::map<std::string, MailboxId> mailboxes;
  for (const auto& record : update->mailboxes())
    if (record.selectable) mailboxes.emplace(record.wire, record.id);
  for (const MessageId id : ids) {
    const auto ours = store.pending->outlook(id);
    auto message = update->message(id);
    if (!ours || !message) continue;  // not listed yet: apply() shows it where it is to be seen
    if (ours->deleted) {
      shown.hide(*message);
      continue;
    }
    if (ours->remove.has("\\Deleted")) shown.show(*message);
    const auto there = ours->directory ? mailboxes.find(*ours->directory) : mailboxes.end();
    const bool elsewhere = there != mailboxes.end();
    // Its name has changed in the store, and a crash kept that from the journal: who finds that out
    // leaves the messages where they are.
    if (ours->directory && !elsewhere) continue;
    const auto given = store.pending->nameOf(nameKey(store, *update, *message, false));
    const MailboxId directory = elsewhere ? there->second : message->mailbox;
    if (!elsewhere && !given) continue;
    const std::string name = given.value_or(message->name);
    if (store::shownIn(*message) == directory && message->name == name) continue;
    makeRoom(*update, directory, name, id, moved);
    place(*update, *message, directory, name);
  }
  shown.commit([](const TreeChange&) {});
}

}  // namespace emlfs::sync
