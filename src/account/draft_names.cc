// What a person does to drafts with their names.
#include <utility>

#include "account/draft_record.h"
#include "account/drafts.h"
#include "emlfs/sync/rights.h"
#include "emlfs/view/names.h"

namespace emlfs {

using store::Change;
using store::MessageRecord;

bool Drafts::rename(MessageId id, MailboxId directory, const std::string& name, bool replace) {
  const auto append = store_.pending->appendOf(id);
  if (!find(id) && (!append || append->state != Change::State::pending)) return false;
  {
    const auto snapshot = store_.cache.snapshot();
    const auto there = snapshot->find(directory, name);
    if (there && there->node != id.value) {
      if (!replace || isDirectory(there->node))
        throw Error(Code::exists, Scope::message, "there is a file of that name");
    }
  }
  sync::TreeChange change;
  for (bool done = false; !done;) {
    const auto draft = openUnlessSent(id);
    if (!draft) return false;
    const MutexLock lock(draft->mutex);
    if (draft->gone) continue;
    auto record = store_.cache.snapshot()->message(id);
    if (!record) throw Error(Code::stale, Scope::message, "the message is no longer there");
    change = renameTo(*draft, std::move(*record), directory, name);
    done = true;
  }
  if (!change.empty()) hooks_.on_change(change);
  return true;
}

sync::TreeChange Drafts::renameTo(Draft& draft, MessageRecord record, MailboxId directory,
                                  const std::string& name) {
  const MessageId id = record.id;
  const bool temporary = view::isTemporaryName(name);
  if (!temporary && draft.size > 0 && contentsOf(draft.fd.get()).beginning == store::Beginning::no)
    throw notAMessage();

  std::optional<MessageRecord> replaced;
  std::optional<Change> deletion;
  std::string wire;
  const auto epoch = store_.pending->epoch();
  {
    const auto snapshot = store_.cache.snapshot();
    const auto destination = snapshot->mailbox(directory);
    if (!destination || !destination->selectable)
      throw Error(Code::not_permitted, Scope::mailbox, "messages can be only in mailboxes");
    sync::requireRights(*destination, {sync::Right::insert});
    wire = destination->wire;
    const auto there = snapshot->find(directory, name);
    if (there && there->node != id.value) replaced = snapshot->message(MessageId{there->node});
    // One that the server has not heard of goes at once.
    if (replaced && !isSent(*replaced)) {
      remove(replaced->id);
      replaced.reset();
    }
    if (replaced) deletion = hooks_.deletion(*snapshot, *replaced);
  }
  if (!temporary && draft.dirty) {
    store_.spool->sync(draft.fd.get());
    draft.dirty = false;
  }
  const Flags flags = replaced ? flagsNow(*replaced) : view::maildirFlags(name);
  const auto before = store::shownIn(record);
  record.flags = changed(record.flags, flags, {});
  record.name = name;
  record.mailbox = record.directory = directory;
  record.shown = store::Shown::arrived;
  // Who gives it a name has seen it.
  if (draft.torn) draft.why.clear();
  draft.torn = false;
  // Programs close what they give its real name, though that may not have been heard yet.
  draft.whole = !temporary && (draft.closed || draft.temporary || draft.whole);
  if (draft.whole)
    store_.spool->markWhole(draft.spool);
  else
    store_.spool->mark(draft.spool, !temporary);

  store::Batch batch;
  batch.put_names.push_back({{{}, 0, 0, id}, wire, name});
  const bool begun = store_.pending->appendOf(id).has_value();
  if (!begun && (deletion || (!temporary && !(record.flags == view::maildirFlags(name)))))
    batch.add.push_back(appendFor(record, draft));
  if (deletion) {
    deletion->spool = draft.spool;
    batch.add.push_back(*deletion);
  }
  const auto elsewhere = [&](Change append) {
    append.mailbox = wire;
    batch.update.push_back(std::move(append));
    return std::move(batch);
  };
  // Nobody sends one that is unfinished.
  if (begun && !store_.pending->amend(id, elsewhere, epoch))
    throw Error(Code::busy, Scope::message, "the message is being sent to the server");
  if (!begun) store_.pending->add(std::move(batch), {}, epoch);

  sync::TreeChange change;
  {
    const auto update = store_.cache.begin(store::Durability::soon);
    if (replaced) change = hideReplaced(*update, *replaced, *deletion);
    update->putMessage(record);
    if (before) touchDirectory(*update, *before);
    touchDirectory(*update, directory);
    update->commit();
  }
  draft.temporary = temporary;
  if (!temporary) {
    draft.closed = true;
    finishSoon(id, kQuiet);
  }
  return change;
}

Flags Drafts::flagsNow(const MessageRecord& message) const {
  const auto ours = store_.pending->outlook(message.id);
  const Flags flags = ours ? changed(message.flags, ours->add, ours->remove) : message.flags;
  return changed(flags, {}, Flags({"\\Deleted"}));
}

bool Drafts::isSent(const MessageRecord& message) const {
  if (find(message.id)) return false;
  const auto append = store_.pending->appendOf(message.id);
  return !append || append->state != Change::State::pending;
}

bool Drafts::remove(MessageId id) {
  const auto draft = openUnlessSent(id);
  if (!draft) return false;
  {
    const MutexLock lock(draft->mutex);
    if (draft->gone) return remove(id);  // finished in this moment
    draft->gone = true;
  }
  if (store_.pending->appendOf(id)) {
    const auto drop = [&](const Change& append) {
      store::Batch batch{.remove = {append.number}, .remove_names = {{{}, 0, 0, id}}};
      // What it replaced goes nevertheless: the name is to be no more.
      if (auto old = store_.pending->replacedBy(append)) {
        old->spool.clear();
        batch.update.push_back(std::move(*old));
      }
      return batch;
    };
    if (!store_.pending->amend(id, drop)) return false;
    store_.spool->remove(draft->spool);
  } else {
    dropDraft(*store_.spool, journal_, id, draft->spool);
  }
  unlink(id, draft);
  const auto update = store_.cache.begin(store::Durability::soon);
  if (const auto record = update->message(id)) {
    if (const auto directory = store::shownIn(*record)) touchDirectory(*update, *directory);
    update->removeMessage(id);
  }
  update->commit();
  return true;
}

// In the append that it will be.
bool Drafts::noteFlags(const MessageRecord& record, const Draft& draft) {
  const auto flagged = [&](Change append) {
    append.size = 0;
    append.add = record.flags;
    return append;
  };
  if (store_.pending->appendOf(record.id))
    return store_.pending->amend(
        record.id, [&](const Change& append) { return store::Batch{.update = {flagged(append)}}; });
  const auto epoch = store_.pending->epoch();
  return store_.pending->add({.add = {flagged(appendFor(record, draft))}}, {}, epoch);
}

bool Drafts::setFlags(MessageId id, const Flags& add, const Flags& remove) {
  if (!find(id)) {
    const auto append = store_.pending->appendOf(id);
    if (!append || append->state != Change::State::pending) return false;
  }
  const bool finished = !find(id);
  for (;;) {
    const auto draft = openUnlessSent(id);
    if (!draft) return false;
    const MutexLock lock(draft->mutex);
    if (draft->gone) continue;
    auto record = store_.cache.snapshot()->message(id);
    if (!record) throw Error(Code::stale, Scope::message, "the message is no longer there");
    record->flags = changed(record->flags, add, remove);
    // The cache may be lost. One that is empty, or has a temporary's name, may stay for ever, and
    // hold up deletions.
    const bool lasting = draft->size > 0 || store_.pending->appendOf(id);
    if (!draft->temporary && lasting && !noteFlags(*record, *draft)) return false;
    const auto update = store_.cache.begin(store::Durability::soon);
    update->putMessage(*record);
    update->commit();
    if (finished) {
      draft->closed = true;
      finishSoon(id, kQuiet);
    }
    return true;
  }
}

}  // namespace emlfs
