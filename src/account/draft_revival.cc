// A draft that was finished with other bytes, and so under another id, while somebody still had it
// open: when that one writes on, it becomes a draft again, as he knows it.
#include <utility>

#include "account/draft_record.h"
#include "account/drafts.h"
#include "emlfs/base/error.h"
#include "emlfs/view/names.h"

namespace emlfs {

using store::Change;
using store::MessageRecord;

std::optional<MessageId> Drafts::finishedAs(MessageId id) const {
  const MutexLock lock(mutex_);
  std::optional<MessageId> now;
  for (auto at = unlinked_.find(id); at != unlinked_.end() && at->second.now;
       at = unlinked_.find(*now))
    now = at->second.now;
  return now;
}

bool Drafts::revive(MessageId id) {
  std::vector<sync::TreeChange> changes;
  {
    const MutexLock opening(opening_);
    const auto now = finishedAs(id);
    if (!now) return find(id) != nullptr;
    Unlinked old;
    {
      const MutexLock lock(mutex_);
      old = unlinked_.at(id);
    }
    // Asked before the record is read: a change that is done meanwhile is in it.
    const bool on_its_way = store_.pending->outlook(*now).has_value();
    const auto message = store_.cache.snapshot()->message(*now);
    if (!message || message->shown == store::Shown::hidden) return false;  // it was removed
    if (find(*now)) throw Error(Code::busy, Scope::message, "somebody else is writing it");
    auto file = store_.spool->create(id);
    const auto draft = std::make_shared<Draft>(file.name);
    try {
      const MutexLock lock(old.draft->mutex);
      copyFile(old.draft->fd.get(), file.fd.get());
      draft->size = store::fileSize(file.fd.get());
      draft->time = old.draft->time.load();
      draft->temporary = view::isTemporaryName(message->name);
      draft->closed = true;   // until somebody writes to it
      draft->unheard = true;  // to the kernel it was removed, and that such are closed isn't told
      store_.spool->sync(file.fd.get());
      store_.spool->markWhole(file.name);
      changes = reviveAs(id, *message, on_its_way, draft);
    } catch (...) {
      const auto append = store_.pending->appendOf(id);
      if (!append || append->spool != file.name) store_.spool->remove(file.name);
      throw;
    }
    {
      const MutexLock lock(draft->mutex);
      draft->fd = std::move(file.fd);
      draft->dirty = false;
      draft->whole = true;
    }
    keep(id, draft);
    {
      const MutexLock lock(mutex_);
      unlinked_.erase(id);
    }
    finishSoon(id, kQuiet);
  }
  for (const auto& change : changes) hooks_.on_change(change);
  return true;
}

std::vector<sync::TreeChange> Drafts::reviveAs(MessageId id, const MessageRecord& now,
                                               bool on_its_way, const DraftPtr& draft) {
  const auto busy = [] {
    return Error(Code::busy, Scope::message, "the message is being sent to the server");
  };
  MessageRecord record = now;
  record.id = id;
  record.inode = localInode(id);
  record.uid = 0;
  record.modseq = 0;
  record.size = draft->size;
  record.mailbox = record.directory = store::shownIn(now).value_or(now.mailbox);
  record.shown = store::Shown::arrived;
  Change append = appendFor(record, *draft);
  store::Batch batch;
  batch.put_names.push_back({{{}, 0, 0, id}, append.mailbox, record.name});
  const auto epoch = store_.pending->epoch();
  const auto finished = store_.pending->appendOf(now.id);
  sync::TreeChange change;
  if (finished) {
    if (!store_.pending->followers(*finished).empty()) throw busy();
    const auto amended = [&](const Change& before) {
      append.number = before.number;
      append.acknowledged = before.acknowledged;
      batch.remove_names.push_back({{}, 0, 0, now.id});
      batch.update = store_.pending->replacedBy(before);
      for (Change& deletion : batch.update) deletion.spool = draft->spool;
      batch.update.push_back(append);
      return std::move(batch);
    };
    if (!store_.pending->amend(now.id, amended, epoch)) throw busy();
    putInstead(now, record, change);
    store_.spool->remove(finished->spool);
    return {change};
  }
  if (now.uid == 0 || on_its_way) throw busy();
  Change deletion;
  {
    const auto snapshot = store_.cache.snapshot();
    if (!snapshot->mailbox(now.mailbox))
      throw Error(Code::stale, Scope::message, "the mailbox is no longer there");
    deletion = hooks_.deletion(*snapshot, now);
  }
  deletion.spool = draft->spool;
  batch.add = {std::move(append), deletion};
  store_.pending->add(std::move(batch), {}, epoch);
  const auto update = store_.cache.begin(store::Durability::soon);
  sync::TreeChange elsewhere;
  if (const auto old = update->message(now.id)) elsewhere = hideReplaced(*update, *old, deletion);
  update->putMessage(record);
  touchDirectory(*update, record.directory);
  update->commit();
  change = instead(now, record);
  return elsewhere.empty() ? std::vector{change} : std::vector{change, elsewhere};
}

}  // namespace emlfs
