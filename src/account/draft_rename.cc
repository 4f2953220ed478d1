// How a draft gets another name or directory, and takes the place of what is there.
#include <algorithm>
#include <utility>

#include "account/draft_record.h"
#include "account/drafts.h"
#include "emlfs/sync/rights.h"
#include "emlfs/view/names.h"

namespace emlfs {

using store::Change;
using store::MessageRecord;

namespace {

// What takes it on, once the append has brought it to where that goes.
Change moveOf(const Change& append, const MessageRecord& record, const std::string& to) {
  Change move;
  move.kind = Change::Kind::move;
  move.id = append.id;
  move.source.mailbox = append.mailbox;
  move.source.message_id = record.message_id;
  move.source.size = record.size;
  move.date = record.date;
  move.size = record.size;
  move.mailbox = to;
  return move;
}

}  // namespace

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

std::optional<Drafts::Unsent> Drafts::unsentAt(MailboxId directory, const std::string& name,
                                               MessageId but) {
  const auto snapshot = store_.cache.snapshot();
  const auto there = snapshot->find(directory, name);
  if (!there || there->node == but.value) return std::nullopt;
  const auto record = snapshot->message(MessageId{there->node});
  if (!record || isSent(*record)) return std::nullopt;
  auto draft = openUnlessSent(record->id);
  if (!draft) return std::nullopt;
  return Unsent{std::move(draft), *record};
}

// Nobody sends what is unfinished, so the appends stay as they are while this is made.
// False: one of `moving` has arrived in this moment.
bool Drafts::commitRename(const MessageRecord& record, const Draft& draft, const Unsent* replaced,
                          store::Batch batch, const std::set<MessageId>& moving, uint64_t epoch) {
  const auto own = store_.pending->appendOf(record.id);
  const auto theirs = replaced ? store_.pending->appendOf(replaced->record.id) : std::nullopt;
  const auto deletion = std::ranges::find_if(batch.add, sync::isReplaced);
  const bool to_last = !view::isTemporaryName(record.name) && draft.size > 0 &&
                       (replaced || !(record.flags == view::maildirFlags(record.name)));
  if (replaced) batch.remove_names.push_back({{}, 0, 0, replaced->record.id});
  if (!own && !theirs) {
    if (deletion != batch.add.end() || to_last)
      batch.add.insert(batch.add.begin(), appendFor(record, draft));
    return store_.pending->add(std::move(batch), moving, epoch);
  }
  const std::string wire = batch.put_names.front().directory;
  const auto amended = [&](const Change& /*append*/) {
    // Where it was to go before, and what was to happen to the other one.
    for (const Change& next : own ? store_.pending->followers(*own) : sync::Run())
      if (next.kind == Change::Kind::move) batch.remove.push_back(next.number);
    for (const Change& next : theirs ? store_.pending->followers(*theirs) : sync::Run())
      batch.remove.push_back(next.number);
    if (theirs) batch.update = store_.pending->replacedBy(*theirs);
    if (!own && batch.update.empty() && !to_last) {
      batch.remove.push_back(theirs->number);
      return std::move(batch);
    }
    Change append = own ? *own : appendFor(record, draft);
    // It takes over the place of the other one, and what that was to replace.
    const Change& first = !theirs || (own && own->number < theirs->number) ? *own : *theirs;
    append.number = first.number;
    append.acknowledged = first.acknowledged;
    if (own && theirs) batch.remove.push_back(std::max(own->number, theirs->number));
    append.add = record.flags;
    // In the order of the journal that mailbox isn't there yet, so it goes where it was to go, and
    // from there.
    const bool detour = store_.pending->reshapes(wire, first.number);
    append.mailbox = detour ? first.mailbox : wire;
    if (detour && append.mailbox != wire) batch.add.push_back(moveOf(append, record, wire));
    for (Change& old : batch.update) old.spool = draft.spool;
    batch.update.push_back(std::move(append));
    return std::move(batch);
  };
  if (store_.pending->amend(theirs ? theirs->id : own->id, amended, epoch, moving)) return true;
  if (store_.pending->onTheirWay({moving.begin(), moving.end()}) != moving) return false;
  throw Error(Code::busy, Scope::message, "the message is being sent to the server");
}

sync::TreeChange Drafts::renameTo(Draft& draft, MessageRecord record, MailboxId directory,
                                  const std::string& name) {
  const MessageId id = record.id;
  const bool temporary = view::isTemporaryName(name);
  if (!temporary && draft.size > 0 && contentsOf(draft.fd.get()).beginning == store::Beginning::no)
    throw notAMessage();

  store::Batch batch;
  std::optional<MessageRecord> replaced;
  std::optional<Change> deletion;
  const auto epoch = store_.pending->epoch();
  const auto unsent = unsentAt(directory, name, id);
  // Before its record is read: if it arrives after that, its deletion has to be made anew.
  const auto at_first = store_.cache.snapshot()->find(directory, name);
  const bool replaces = at_first && !unsent && at_first->node != id.value;
  const auto moving =
      replaces ? store_.pending->onTheirWay({MessageId{at_first->node}}) : std::set<MessageId>();
  {
    const auto snapshot = store_.cache.snapshot();
    const auto destination = snapshot->mailbox(directory);
    if (!destination || !destination->selectable)
      throw Error(Code::not_permitted, Scope::mailbox, "messages can be only in mailboxes");
    sync::requireRights(*destination, {sync::Right::insert});
    batch.put_names.push_back({{{}, 0, 0, id}, destination->wire, name});
    const auto there = snapshot->find(directory, name);
    if (there && there->node != id.value) replaced = snapshot->message(MessageId{there->node});
    if (replaced && !unsent) deletion = hooks_.deletion(*snapshot, *replaced);
  }
  // Another one has got the name in this moment.
  if (deletion && (!replaces || at_first->node != replaced->id.value))
    return renameTo(draft, std::move(record), directory, name);
  if (!temporary && draft.dirty) {
    store_.spool->sync(draft.fd.get());
    draft.dirty = false;
  }
  const Flags flags = replaced ? flagsNow(*replaced) : view::maildirFlags(name);
  const MessageRecord as_it_was = record;
  const auto before = store::shownIn(record);
  record.flags = changed(record.flags, flags, {});
  record.name = name;
  record.mailbox = record.directory = directory;
  record.shown = store::Shown::arrived;
  if (deletion) {
    deletion->spool = draft.spool;
    batch.add.push_back(*deletion);
  }
  // Programs close what they give its real name, though that may not have been heard yet. If one
  // writes on, that is a new version, and who closes it may not be heard at all.
  const bool closed = draft.closed || draft.temporary;
  const bool whole = !temporary;
  const auto mark = [&](bool as_whole, bool as_temporary) {
    if (as_whole)
      store_.spool->markWhole(draft.spool);
    else
      store_.spool->mark(draft.spool, !as_temporary);
  };
  const bool was_whole = draft.whole;
  mark(whole, temporary);
  const auto commit = [&] {
    try {
      const bool done =
          commitRename(record, draft, unsent ? &*unsent : nullptr, std::move(batch), moving, epoch);
      if (!done) mark(was_whole, draft.temporary);
      return done;
    } catch (...) {
      mark(was_whole, draft.temporary);
      throw;
    }
  };
  bool again = false;  // what it was made of is no longer so
  if (unsent) {
    Draft& other = *unsent->draft;
    const MutexLock lock(other.mutex);
    again = other.gone || !commit();
    if (!again) {
      other.gone = true;
      unlink(unsent->record.id, {unsent->draft});
    }
  } else {
    again = !commit();
  }
  if (again) return renameTo(draft, as_it_was, directory, name);
  // From here on the journal has it, whatever becomes of the cache.
  draft.whole = whole;
  draft.temporary = temporary;
  // Who gives it a name has seen it.
  if (draft.torn) draft.why.clear();
  draft.torn = false;
  if (!temporary) {
    draft.unheard = draft.unheard || !closed;
    draft.closed = true;
    finishSoon(id, kQuiet);
  }

  sync::TreeChange change;
  {
    const auto update = store_.cache.begin(store::Durability::soon);
    if (unsent)
      update->removeMessage(unsent->record.id);
    else if (const auto now = replaced ? update->message(replaced->id) : std::nullopt)
      change = hideReplaced(*update, *now, *deletion);  // it may have got its UID meanwhile
    update->putMessage(record);
    if (before) touchDirectory(*update, *before);
    touchDirectory(*update, directory);
    update->commit();
  }
  if (unsent) store_.spool->remove(unsent->draft->spool);
  return change;
}

}  // namespace emlfs
