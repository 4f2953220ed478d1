#include "sync/sent.h"

#include <algorithm>
#include <limits>
#include <set>
#include <vector>

#include "emlfs/base/fail_point.h"
#include "emlfs/base/log.h"
#include "emlfs/sync/change.h"
#include "emlfs/sync/free_name.h"
#include "emlfs/sync/parked.h"
#include "sync/told_changes.h"

namespace emlfs::sync {
namespace {

void count(store::Update& update, MailboxId mailbox, int change) {
  auto record = update.mailbox(mailbox);
  if (!record) return;
  record->state.messages += static_cast<uint32_t>(change);
  update.putMailbox(*record);
}

// Where nobody else's message lies between, all of them are known, and no listing has to fetch them
// again: what has changed since shows by its MODSEQ.
void noteArrivals(SyncState& state, const std::set<Uid>& uids) {
  if (!state.complete || state.uid_next != state.listed_to + 1) return;
  for (const Uid uid : uids) {
    if (uid < state.uid_next) continue;
    if (uid != state.uid_next || uid == std::numeric_limits<Uid>::max()) return;
    state.listed_to = uid;
    state.uid_next = uid + 1;
  }
}

}  // namespace

std::optional<store::MailboxRecord> mailboxByWire(const store::Snapshot& snapshot,
                                                  const std::string& wire) {
  for (auto& record : snapshot.mailboxes())
    if (record.wire == wire && record.selectable) return std::move(record);
  return std::nullopt;
}

std::optional<store::MailboxRecord> trashOf(const store::Snapshot& snapshot) {
  for (auto& record : snapshot.mailboxes())
    if (record.special_use == "\\Trash" && record.selectable && !record.unborn)
      return std::move(record);
  return std::nullopt;
}

std::map<MessageId, Uid> settle(Store store, const std::string& mailbox, UidValidity validity,
                                std::map<MessageId, Uid> uids, const OnChange& on_change) {
  const auto update = store.cache.begin();
  auto destination = mailboxByWire(*update, mailbox);
  if (!destination) return uids;  // gone meanwhile, with all in it
  if (validity != 0 && destination->state.uid_validity == 0) {
    destination->state.uid_validity = validity;  // it was never looked at
    update->putMailbox(*destination);
  }
  // Replaced meanwhile: the next look tells what is there.
  if (validity != destination->state.uid_validity)
    for (auto& [id, uid] : uids) uid = 0;
  Changes changes(*update);
  std::set<Uid> moved;
  for (auto& [id, uid] : uids) {
    auto message = update->message(id);
    if (!message) continue;
    if (message->mailbox == destination->id && message->uid != 0) {
      uid = message->uid;  // it was told before, and only the journal had not heard of it
      continue;
    }
    const auto twin = uid == 0 ? std::nullopt : update->byUid(destination->id, uid);
    if (twin && *twin != id) {
      changes.unname(*update->message(*twin));
      update->removeMessage(*twin);
      count(*update, destination->id, -1);
    }
    if (message->uid != 0) count(*update, message->mailbox, -1);
    if (uid != 0) count(*update, destination->id, 1);
    const store::MessageRecord before = *message;
    message->mailbox = destination->id;
    message->uid = uid;
    message->modseq = 0;
    // The person gave it with the change, and that is seen only now if the server was very quick.
    const auto given = store.pending->nameOf({{}, 0, 0, id});
    if (given && store::shownIn(*message) == destination->id &&
        !update->find(destination->id, *given))
      message->name = *given;
    // It may have been shown where it was all the time: its new mailbox had gone for a moment.
    if (const auto now = store::shownIn(*message); now && now != store::shownIn(before)) {
      message->name = freeName(*update, *now, message->name, id);
      changes.unname(before);
      changes.in(*now).added.push_back(message->name);
    }
    update->putMessage(*message);
    // The server may describe otherwise what was new.
    if (uid != 0 && !store.pending->appendOf(id)) moved.insert(uid);
  }
  if (auto now = update->mailbox(destination->id)) {
    noteArrivals(now->state, moved);
    update->putMailbox(*now);
  }
  changes.commit(on_change);
  return uids;
}

void takeOver(Store store, MessageId id, MessageId old, const OnChange& on_change) {
  TreeChange change;
  {
    const auto update = store.cache.begin();
    auto message = update->message(id);
    const auto replaced = update->message(old);
    if (!message || !replaced) return;
    update->removeMessage(old);
    if (message->date != replaced->date) change.attributes.push_back(id.value);
    message->mailbox = replaced->mailbox;
    message->uid = replaced->uid;
    message->flags = replaced->flags;
    message->date = replaced->date;
    message->modseq = replaced->modseq;
    update->putMessage(*message);
    update->commit();
    change.directory = message->mailbox;
  }
  if (!change.empty()) on_change(change);
}

void forgetLost(Store store, const std::set<MessageId>& expected, const OnChange& on_change) {
  std::vector<MessageId> lost;
  {
    const auto update = store.cache.begin();
    Changes changes(*update);
    for (const MessageId id : expected) {
      const auto message = update->message(id);
      if (message && message->uid != 0) continue;  // found, and the journal will hear of it
      lost.push_back(id);
      if (!message) continue;  // a crash kept it from the journal
      changes.unname(*message);
      update->removeMessage(id);
      log::info("a message that was moved is not in its mailbox: {}", message->message_id);
    }
    if (lost.empty()) return;
    changes.commit(on_change);
  }
  failPoint("sent: lost ones forgotten");
  for (const MessageId id : lost) store.pending->vanished(id);
}

bool forgetOrphan(Store store, MessageId id, const OnChange& on_change) {
  const Run lost = store.pending->forgetOrphan(id);
  if (lost.empty()) return false;
  log::warning("{} changes are void, since nobody knows which message they are about: {} in {}",
               lost.size(), lost.front().source.message_id, lost.front().source.mailbox);
  // After damage it may be a draft.
  const bool recovered = std::ranges::any_of(lost, &store::Change::recovered);
  if (recovered || store.pending->appendOf(id)) return true;
  const auto update = store.cache.begin();
  const auto message = update->message(id);
  if (!message || message->uid != 0) return true;
  Changes changes(*update);
  changes.unname(*message);
  update->removeMessage(id);
  changes.commit(on_change);
  return true;
}

void settleFlags(Store store, const Run& run) {
  const auto update = store.cache.begin();
  for (const auto& change : run) {
    auto message = update->message(change.id);
    if (!message) continue;
    message->flags = changed(message->flags, change.add, change.remove);
    update->putMessage(*message);
  }
  update->commit();
}

void settleExpunged(Store store, const Run& run) {
  const auto update = store.cache.begin();
  for (const auto& change : run) {
    const auto message = update->message(change.id);
    if (!message) continue;
    if (message->uid != 0) count(*update, message->mailbox, -1);
    update->removeMessage(change.id);
  }
  update->commit();
}

void putBack(Store store, const Run& run, const OnChange& on_change) {
  const auto update = store.cache.begin();
  Changes changes(*update);
  for (const auto& change : run) {
    auto message = update->message(change.id);
    if (!message || message->shown == store::Shown::in_place) continue;
    if (change.kind == store::Change::Kind::append) {
      if (message->uid != 0) continue;
      changes.unname(*message);
      update->removeMessage(change.id);
      continue;
    }
    const auto ours = store.pending->outlook(change.id);
    if (ours && (ours->deleted || ours->directory)) continue;
    const bool is_there = message->shown == store::Shown::hidden
                              ? message->flags.has("\\Deleted")
                              : message->directory == message->mailbox;
    if (is_there) continue;
    changes.unname(*message);
    message->shown = store::Shown::in_place;
    message->directory = {};
    message->name = freeName(*update, message->mailbox, message->name);
    update->putMessage(*message);
    changes.in(message->mailbox).added.push_back(message->name);
  }
  changes.commit(on_change);
}

}  // namespace emlfs::sync
