// Drafts of an earlier mount, also after a kill -9, and without the cache.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "account/draft_record.h"
#include "account/drafts.h"
#include "emlfs/base/log.h"
#include "emlfs/sync/free_name.h"
#include "emlfs/view/names.h"

namespace emlfs {
using store::Change;

void Drafts::recover() {
  const auto list = store_.spool->list();
  std::set<std::string> files(list.begin(), list.end());
  std::vector<Change> appends;
  for (auto& change : journal_.changes())
    if (change.kind == Change::Kind::append) appends.push_back(std::move(change));
  std::vector<store::GivenName> names;
  journal_.eachName([&](const store::GivenName& name) {
    if (name.key.uid == 0) names.push_back(name);
    return true;
  });

  const auto adopt = [&](MessageId id, const std::string& file) {
    const auto draft = std::make_shared<Draft>(file);
    const bool whole = store_.spool->isWhole(file);
    if (!whole) store_.spool->mark(file, false);
    const MutexLock lock(draft->mutex);
    draft->fd = store_.spool->open(file);
    draft->size = store::fileSize(draft->fd.get());
    draft->closed = true;  // those who had it open are no more
    draft->known = false;
    draft->whole = whole;
    const auto record = store_.cache.snapshot()->message(id);
    const auto given = journal_.name({{}, 0, 0, id});
    // Whole or not, its name keeps it here.
    draft->temporary = view::isTemporaryName(given    ? given->name
                                             : record ? record->name
                                                      : std::string());
    draft->torn = !whole && !draft->temporary && draft->size > 0;
    if (draft->torn)
      draft->why =
          "it was being written when emlfs ended: mv it to another name to send it as it is";
    draft->time = record ? record->date.seconds : store::lastWrite(draft->fd.get());
    const MutexLock map(mutex_);
    drafts_[id] = draft;
    return draft;
  };

  std::set<MessageId> appended;
  std::set<MessageId> unshown;
  for (const Change& append : appends) {
    appended.insert(append.id);
    if (files.erase(append.spool) == 0 || append.state == Change::State::parked) continue;
    if (sync::lacksUid(append)) store_.spool->remove(append.spool);  // the server has it
    if (sync::unfinished(append)) adopt(append.id, append.spool);
    unshown.insert(append.id);
  }
  for (const auto& name : names) {
    const std::string file = fmt::format("{}.eml", name.key.id.value);
    if (appended.count(name.key.id) != 0 || files.erase(file) == 0) continue;
    adopt(name.key.id, file);
    unshown.insert(name.key.id);
  }
  {
    const MutexLock lock(mutex_);
    unshown_ = unshown;
  }
  removePhantoms();
  restore();
  for (const auto& file : files) {
    const auto record = store_.cache.snapshot()->message(idOf(file));
    if (record && record->uid != 0) {
      store_.spool->remove(file);  // the server had it, and the spool was about to hear of it
      continue;
    }
    // It holds nobody back: nobody will send it.
    store_.spool->mark(file, false);
    orphans_.push_back(
        fmt::format("a new message of which nothing else is known is kept in the spool: {}", file));
    log::warning("{}", orphans_.back());
  }
}

// Records that were written in the moment before the crash, and what they speak of was not.
void Drafts::removePhantoms() {
  std::vector<MessageId> phantoms;
  {
    const auto snapshot = store_.cache.snapshot();
    for (const auto& mailbox : snapshot->mailboxes()) {
      snapshot->arrivals(mailbox.id, {}, [&](const store::MessageRecord& message) {
        if (message.uid == 0 && !store_.pending->outlook(message.id) && !find(message.id))
          phantoms.push_back(message.id);
        return true;
      });
    }
  }
  if (phantoms.empty()) return;
  const auto update = store_.cache.begin(store::Durability::soon);
  for (const MessageId id : phantoms) update->removeMessage(id);
  update->commit();
}

void Drafts::restore() {
  std::set<MessageId> ids;
  {
    const MutexLock lock(mutex_);
    ids = unshown_;
  }
  for (const MessageId id : ids) {
    if (!show(id)) continue;
    const auto draft = find(id);
    const auto whole = [&] {
      const MutexLock lock(draft->mutex);
      if (draft->torn || draft->temporary) {
        unmarkWhole(*draft);
        return false;
      }
      if (draft->size == 0) return false;
      store_.spool->markWhole(draft->spool);
      return draft->whole = true;
    };
    if (draft && whole()) finishSoon(id, Milliseconds(0));
    const MutexLock lock(mutex_);
    unshown_.erase(id);
  }
}

void Drafts::retried(const sync::Run& run) {
  for (const auto& change : run) {
    if (change.kind != store::Change::Kind::append) continue;
    store_.spool->mark(change.spool, true);
    const MutexLock lock(mutex_);
    unshown_.insert(change.id);
  }
  restore();
}

// False if there is no directory for it.
bool Drafts::show(MessageId id) {
  const auto draft = find(id);
  const auto append = store_.pending->appendOf(id);
  if (!draft && !append) return true;  // gone meanwhile
  const auto given = journal_.name({{}, 0, 0, id});
  const auto update = store_.cache.begin(store::Durability::soon);
  auto record = update->message(id);
  sync::TreeChange change;
  const std::string wire = append ? append->mailbox : given ? given->directory : "";
  const auto mailboxes = update->mailboxes();
  const auto mailbox = std::ranges::find_if(mailboxes, [&](const store::MailboxRecord& each) {
    return each.selectable && each.wire == wire;
  });
  // It may have been moved on before it was sent, or while it was being sent.
  const auto ours = store_.pending->outlook(id);
  const auto directory = std::ranges::find_if(mailboxes, [&](const store::MailboxRecord& each) {
    return each.selectable && each.wire == (ours && ours->directory ? *ours->directory : wire);
  });
  const bool known = mailbox != mailboxes.end() && directory != mailboxes.end();
  // A crash may have kept its last rename from the cache.
  const auto differs = [&] {
    return record->mailbox != mailbox->id || record->name != given->name ||
           store::shownIn(*record) != directory->id;
  };
  if (record && known && given && record->shown != store::Shown::hidden && differs()) {
    touchDirectory(*update, *store::shownIn(*record));
    record->mailbox = mailbox->id;
    record->directory = directory->id;
    record->name = sync::freeName(*update, directory->id, given->name, id);
    touchDirectory(*update, directory->id);
  }
  // Nor has the cache what was acknowledged of a new version: the message is still the old one.
  const bool unsent = append && append->state == Change::State::pending;
  if (record && known && unsent && record->uid != 0) {
    auto old = *record;
    update->removeMessage(id);  // with the old version's bytes
    record->uid = 0;
    record->modseq = 0;
    record->mailbox = mailbox->id;
    record->directory = directory->id;
    record->shown = store::Shown::arrived;
    update->putMessage(*record);
    for (const Change& deletion : store_.pending->replacedBy(*append)) {
      if (deletion.source.uid != old.uid || update->message(deletion.id)) continue;
      old.id = deletion.id;
      old.directory = {};
      change = hideReplaced(*update, old, deletion);
      break;
    }
  }
  if (record && unsent && !view::isTemporaryName(record->name)) record->flags = append->add;
  if (!record) {
    if (!known) return false;
    record.emplace();
    record->id = id;
    record->mailbox = mailbox->id;
    record->directory = directory->id;
    record->shown = ours && ours->deleted ? store::Shown::hidden : store::Shown::arrived;
    record->inode = localInode(id);
    record->name = sync::freeName(*update, directory->id,
                                  given ? given->name : fmt::format("{}.eml", id.value));
    record->flags = append ? append->add : view::maildirFlags(record->name);
    record->date.seconds = draft ? draft->time.load() : append->date.seconds;
    if (append) record->message_id = append->source.message_id;
    if (record->shown == store::Shown::arrived) {
      change.directory = directory->id;
      change.entries = true;
      change.added.push_back(record->name);
      change.attributes.push_back(directory->id.value);
      touchDirectory(*update, directory->id);
    }
  }
  record->size = draft ? draft->size.load() : append->size;
  record->size_known = true;
  if (draft) draft->temporary = view::isTemporaryName(record->name);
  update->putMessage(*record);
  update->commit();
  if (!change.empty()) hooks_.on_change(change);
  return true;
}

}  // namespace emlfs
