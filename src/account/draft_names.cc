// What a person does to drafts with their names.
#include <utility>

#include "account/draft_record.h"
#include "account/drafts.h"
#include "emlfs/view/names.h"

namespace emlfs {

using store::Change;
using store::MessageRecord;

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
  for (;;) {
    const auto draft = openUnlessSent(id);
    if (!draft) return false;
    const MutexLock lock(draft->mutex);
    if (draft->gone) continue;  // finished in this moment
    const auto drop = [&](const Change& append) {
      store::Batch batch{.remove = {append.number}, .remove_names = {{{}, 0, 0, id}}};
      // What it replaced goes nevertheless: the name is to be no more.
      batch.update = store_.pending->replacedBy(append);
      for (Change& old : batch.update) old.spool.clear();
      for (const Change& next : store_.pending->followers(append))
        batch.remove.push_back(next.number);
      return batch;
    };
    const bool begun = store_.pending->appendOf(id).has_value();
    if (begun && !store_.pending->amend(id, drop)) return false;
    draft->gone = true;
    const auto record = store_.cache.snapshot()->message(id);
    unlink(id, {draft});
    if (record) {
      const auto update = store_.cache.begin(store::Durability::soon);
      if (const auto directory = store::shownIn(*record)) touchDirectory(*update, *directory);
      update->removeMessage(id);
      update->commit();
    }
    if (begun)
      store_.spool->remove(draft->spool);
    else
      dropDraft(*store_.spool, journal_, id, draft->spool);
    return true;
  }
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
    return true;
  }
}

}  // namespace emlfs
