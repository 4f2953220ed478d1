// How what is finished, or on the server, becomes a draft again, to be written on.
#include <utility>

#include "account/draft_record.h"
#include "account/drafts.h"
#include "emlfs/base/error.h"
#include "emlfs/view/names.h"

namespace emlfs {

using store::Change;
using store::MessageRecord;

Drafts::DraftPtr Drafts::open(MessageId id, bool keep_bytes) {
  sync::TreeChange change;
  const auto draft = [&] {
    const MutexLock opening(opening_);
    return openAlone(id, keep_bytes, change);
  }();
  if (!change.empty()) hooks_.on_change(change);
  return draft;
}

Drafts::DraftPtr Drafts::openAlone(MessageId id, bool keep_bytes, sync::TreeChange& change) {
  if (auto draft = find(id)) return draft;
  // Asked before the record is read: a change that is done meanwhile is in it.
  const bool on_its_way = store_.pending->outlook(id).has_value();
  const auto message = store_.cache.snapshot()->message(id);
  if (!message && unlinked(id)) return nullptr;
  if (!message) throw Error(Code::stale, Scope::message, "the message is no longer there");
  if (const auto append = store_.pending->appendOf(id)) return takeBack(*append);
  if (!beganHere(id))
    throw Error(Code::not_permitted, Scope::message,
                "a message can't be changed: write another one and rename it over this");
  if (message->uid == 0 || on_its_way)
    throw Error(Code::busy, Scope::message, "changes of the message are on their way");
  return newVersion(*message, keep_bytes, change);
}

// Its sending may begin in this moment.
Drafts::DraftPtr Drafts::openUnlessSent(MessageId id) {
  const MutexLock opening(opening_);
  if (auto draft = find(id)) return draft;
  const auto append = store_.pending->appendOf(id);
  if (!append || append->state != Change::State::pending) return nullptr;
  try {
    return takeBack(*append);
  } catch (const Error& error) {
    if (error.code != Code::busy) throw;
    return nullptr;
  }
}

// It was finished, and nobody has begun to send it.
Drafts::DraftPtr Drafts::takeBack(const Change& append) {
  const auto busy = [] {
    return Error(Code::busy, Scope::message, "the message is being sent to the server");
  };
  if (append.state != Change::State::pending) throw busy();
  const auto message = store_.cache.snapshot()->message(append.id);
  if (!message) throw Error(Code::stale, Scope::message, "the message is no longer there");
  // The cache lacks what the journal has of a new version: as it is, it would go with the old one.
  if (message->uid != 0) throw busy();
  // What was done to it while it was being sent comes after this append.
  if (!store_.pending->followers(append).empty()) throw busy();
  auto fd = store_.spool->open(append.spool);
  store_.spool->markWhole(append.spool);  // until somebody writes to it

  const auto draft = std::make_shared<Draft>(append.spool);
  draft->size = store::fileSize(fd.get());
  draft->time = message->date.seconds;
  draft->temporary = view::isTemporaryName(message->name);
  {
    const MutexLock lock(draft->mutex);
    draft->fd = std::move(fd);
    draft->dirty = false;
    draft->whole = true;
  }
  const auto unfinish = [](Change now) {
    now.size = 0;
    return store::Batch{.update = {std::move(now)}};
  };
  if (!store_.pending->amend(append.id, unfinish)) throw busy();
  keep(append.id, draft);
  // As it was, unless somebody writes to it.
  draft->closed = true;
  finishSoon(append.id, kQuiet);
  return draft;
}

// The file stays what it is, with what it is called; what the server has becomes another message,
// which goes once the new version is there.
Drafts::DraftPtr Drafts::newVersion(const MessageRecord& message, bool keep_bytes,
                                    sync::TreeChange& change) {
  auto file = store_.spool->create(message.id);
  const auto draft = std::make_shared<Draft>(file.name);
  draft->temporary = view::isTemporaryName(message.name);
  draft->time = message.date.seconds;
  draft->closed = true;  // until somebody writes to it
  MessageRecord old = message;
  old.id = MessageId{store_.ids.next()};
  old.shown = store::Shown::hidden;
  old.directory = {};
  MessageRecord renewed = message;
  renewed.uid = 0;
  renewed.modseq = 0;
  renewed.directory = store::shownIn(message).value_or(message.mailbox);
  renewed.shown = store::Shown::arrived;
  Change deletion;
  const auto epoch = store_.pending->epoch();
  try {
    std::string wire;
    {
      const auto snapshot = store_.cache.snapshot();
      if (keep_bytes) copyBody(*snapshot, message, file.fd.get());
      const auto mailbox = snapshot->mailbox(message.mailbox);
      if (!mailbox) throw Error(Code::stale, Scope::message, "the mailbox is no longer there");
      wire = mailbox->wire;
      deletion = hooks_.deletion(*snapshot, message);
    }
    draft->size = store::fileSize(file.fd.get());
    store_.spool->sync(file.fd.get());
    store_.spool->mark(file.name, true);
    deletion.id = old.id;
    deletion.spool = file.name;
    auto append = appendFor(message, *draft);
    store::Batch batch;
    batch.add = {std::move(append), deletion};
    batch.put_names.push_back({{{}, 0, 0, message.id}, wire, message.name});
    store_.pending->add(std::move(batch), {}, epoch);
  } catch (...) {
    store_.spool->remove(file.name);
    throw;
  }
  const auto update = store_.cache.begin(store::Durability::soon);
  // With what is cached of the old version, which may not be read as the new one's.
  update->removeMessage(message.id);
  update->putMessage(renewed);
  change = hideReplaced(*update, old, deletion);
  hooks_.renew(message.id, [&] { update->commit(); });
  {
    const MutexLock lock(draft->mutex);
    draft->fd = std::move(file.fd);
  }
  keep(message.id, draft);
  finishSoon(message.id, kQuiet);
  return draft;
}

Change Drafts::appendFor(const MessageRecord& message, const Draft& draft) const {
  Change append;
  append.kind = Change::Kind::append;
  append.id = message.id;
  append.spool = draft.spool;
  append.add = message.flags;
  append.date.seconds = draft.time;
  append.source.message_id = message.message_id;
  if (const auto mailbox = store_.cache.snapshot()->mailbox(message.mailbox))
    append.mailbox = mailbox->wire;
  return append;
}

}  // namespace emlfs
