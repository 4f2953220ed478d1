#include "emlfs/sync/change.h"

#include <utility>
#include <vector>

#include "emlfs/base/error.h"
#include "emlfs/sync/rights.h"
#include "sync/change_time.h"

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
  for (unsigned n = 1; update.find(directory, other->name); ++n)
    other->name = view::alternativeName(name, n);
  change.added.push_back(other->name);
  update.putMessage(*other);
}

void hide(Store store, MessageId id) {
  const auto update = store.cache.begin();
  auto message = update->message(id);
  if (!message) return;
  if (const auto directory = store::shownIn(*message)) touch(*update, *directory);
  message->shown = store::Shown::hidden;
  update->putMessage(*message);
  update->commit();
}

}  // namespace

void moveMessage(Store store, MessageId id, MailboxId directory, const std::string& name,
                 const OnChange& on_change) {
  std::vector<Change> changes;
  std::vector<store::GivenName> names;
  const auto epoch = store.pending->epoch();
  {
    const auto snapshot = store.cache.snapshot();
    const auto message = recordOf(*snapshot, id);
    const auto destination = snapshot->mailbox(directory);
    if (!destination || !destination->selectable)
      throw Error(Code::denied, Scope::mailbox, "messages can be only in mailboxes");
    const auto there = snapshot->find(directory, name);
    if (there && there->node != id.value)
      throw Error(Code::exists, Scope::message, "there is a file of that name");
    if (store::shownIn(message) != directory) {
      requireRights(*destination, {Right::insert});
      if (const auto source = snapshot->mailbox(message.mailbox))
        requireRights(*source, {Right::erase, Right::expunge});
      changes.push_back(changeOf(Change::Kind::move, store, *snapshot, message));
      changes.back().mailbox = destination->wire;
    }
    names.push_back(
        {nameKey(store, *snapshot, message, !changes.empty()), destination->wire, name});
  }
  store.pending->add(std::move(changes), std::move(names), epoch);

  const auto update = store.cache.begin();
  auto message = update->message(id);
  if (!message) return;  // sent, and gone from the server, in this moment
  TreeChange change;
  makeRoom(*update, directory, name, id, change);
  const auto before = store::shownIn(*message);
  if (before) touch(*update, *before);
  if (before != directory) {
    touch(*update, directory);
    message->shown = store::Shown::arrived;
    message->directory = directory;
  }
  message->name = name;
  update->putMessage(*message);
  update->commit();
  if (!change.empty()) on_change(change);
}

void changeFlags(Store store, MessageId id, const Flags& add, const Flags& remove,
                 const OnChange& on_change) {
  std::vector<Change> changes;
  const auto epoch = store.pending->epoch();
  {
    const auto snapshot = store.cache.snapshot();
    const auto message = snapshot->message(id);
    if (!message) throw Error(Code::stale, Scope::message, "the message is no longer there");
    if (const auto mailbox = snapshot->mailbox(message->mailbox)) {
      requireFlagRights(*mailbox, add);
      requireFlagRights(*mailbox, remove);
    }
    changes.push_back(changeOf(Change::Kind::flags, store, *snapshot, *message));
    changes.back().add = add;
    changes.back().remove = remove;
  }
  store.pending->add(std::move(changes), {}, epoch);
  if (add.has("\\Deleted")) hide(store, id);
  if (!remove.has("\\Deleted")) return;

  const auto update = store.cache.begin();
  auto message = update->message(id);
  if (!message || message->shown != store::Shown::hidden) return;
  const bool arrived = message->directory != MailboxId{};
  const MailboxId directory = arrived ? message->directory : message->mailbox;
  TreeChange change;
  makeRoom(*update, directory, message->name, id, change);
  change.directory = directory;
  change.entries = true;
  change.added.push_back(message->name);
  message->shown = arrived ? store::Shown::arrived : store::Shown::in_place;
  update->putMessage(*message);
  touch(*update, directory);
  update->commit();
  on_change(change);
}

void expungeMessage(Store store, MessageId id) {
  std::vector<Change> changes;
  const auto epoch = store.pending->epoch();
  {
    const auto snapshot = store.cache.snapshot();
    const auto message = snapshot->message(id);
    if (!message) throw Error(Code::stale, Scope::message, "the message is no longer there");
    if (const auto mailbox = snapshot->mailbox(message->mailbox))
      requireRights(*mailbox, {Right::erase, Right::expunge});
    changes.push_back(changeOf(Change::Kind::expunge, store, *snapshot, *message));
  }
  store.pending->add(std::move(changes), {}, epoch);
  hide(store, id);
}

}  // namespace emlfs::sync
