// Drafts whose mailboxes are gone: in no directory any more, they are kept with what was refused.
#include <utility>

#include "account/draft_record.h"
#include "account/drafts.h"
#include "emlfs/base/log.h"
#include "emlfs/view/names.h"

namespace emlfs {

using store::Change;

namespace {

constexpr const char* kGone = "its mailbox is gone";

}  // namespace

void Drafts::strandLost() {
  std::vector<std::pair<MessageId, DraftPtr>> lost;
  {
    const MutexLock lock(mutex_);
    const auto snapshot = store_.cache.snapshot();
    for (const auto& [id, draft] : drafts_)
      if (!snapshot->message(id) && due_.count(id) == 0) lost.emplace_back(id, draft);
  }
  std::erase_if(lost, [&](const auto& each) { return isBeingRenamed(each.first); });
  {
    const MutexLock lock(mutex_);
    for (const auto& [id, draft] : lost) unshown_.erase(id);
  }
  for (const auto& [id, draft] : lost) {
    // Nobody listens in a directory that is no more.
    const bool closed = draft->closed;
    draft->unheard = true;
    finishSoon(id, closed ? Milliseconds(0) : kDeafQuiet);
  }
}

// The list may have its mailbox under the name that a crash has kept from the journal.
bool Drafts::isBeingRenamed(MessageId id) const {
  const auto append = store_.pending->appendOf(id);
  const auto given = journal_.name({{}, 0, 0, id});
  return (append && store_.pending->renames(append->mailbox)) ||
         (given && store_.pending->renames(given->directory));
}

// False: its directory may still come, with the first list.
bool Drafts::strand(MessageId id, const DraftPtr& draft, sync::Run& refused) {
  {
    const MutexLock lock(mutex_);
    if (unshown_.count(id) != 0) return false;
  }
  const uint64_t size = store_.spool->convertLineEnds(draft->spool);
  if (draft->dirty) store_.spool->sync(draft->fd.get());
  const auto given = journal_.name({{}, 0, 0, id});
  const auto withReason = [&](Change append) {
    append.size = size;
    append.date.seconds = draft->time;
    append.state = Change::State::parked;
    append.error = Code::not_found;
    append.server = kGone;
    if (draft->torn) append.server += ", and " + draft->why;
    return append;
  };
  log::warning("a new message is not sent, since its mailbox is gone: {}",
               given ? given->name : draft->spool);
  Change fresh;
  fresh.kind = Change::Kind::append;
  fresh.id = id;
  fresh.spool = draft->spool;
  if (given) {
    fresh.mailbox = given->directory;
    fresh.add = view::maildirFlags(given->name);
  }
  try {
    // What was to follow is of no use without it, as when a server refuses it.
    const bool begun = store_.pending->amend(id, [&](const Change& append) {
      store::Batch batch{.update = store_.pending->replacedBy(append)};
      for (Change& next : store_.pending->followers(append))
        batch.update.push_back(std::move(next));
      for (Change& next : batch.update) {
        next.state = Change::State::parked;
        next.error = Code::not_found;
        next.server = kGone;
      }
      refused = batch.update;
      batch.update.push_back(withReason(append));
      return batch;
    });
    if (!begun) store_.pending->add({.add = {withReason(std::move(fresh))}});
  } catch (...) {
    refused.clear();
    store_.spool->undoConversion(draft->spool);
    throw;
  }
  store_.spool->endConversion(draft->spool);
  draft->gone = true;
  unlink(id, {draft});
  return true;
}

}  // namespace emlfs
