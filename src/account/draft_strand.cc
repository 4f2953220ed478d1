// Drafts whose mailboxes are gone: in no directory any more, they are kept with what was refused.
#include <utility>

#include "account/draft_record.h"
#include "account/drafts.h"
#include "emlfs/base/log.h"
#include "emlfs/view/names.h"

namespace emlfs {

using store::Change;

void Drafts::strandLost() {
  std::vector<std::pair<MessageId, DraftPtr>> lost;
  {
    const auto snapshot = store_.cache.snapshot();
    const MutexLock lock(mutex_);
    for (const auto& [id, draft] : drafts_)
      if (!snapshot->message(id) && due_.count(id) == 0) lost.emplace_back(id, draft);
    for (const auto& [id, draft] : lost) unshown_.erase(id);
  }
  for (const auto& [id, draft] : lost) {
    // Nobody listens in a directory that is no more.
    const bool closed = draft->closed;
    draft->unheard = true;
    finishSoon(id, closed ? Milliseconds(0) : kDeafQuiet);
  }
}

// False: its directory may still come, with the first list.
bool Drafts::strand(MessageId id, const DraftPtr& draft) {
  {
    const MutexLock lock(mutex_);
    if (unshown_.count(id) != 0) return false;
  }
  const uint64_t size = store_.spool->convertLineEnds(draft->spool);
  if (draft->dirty) store_.spool->sync(draft->fd.get());
  const auto given = journal_.name({{}, 0, 0, id});
  const auto refused = [&](Change append) {
    append.size = size;
    append.date.seconds = draft->time;
    append.state = Change::State::parked;
    append.error = Code::not_found;
    append.server = "its mailbox is gone";
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
    const bool begun = store_.pending->amend(
        id, [&](const Change& append) { return store::Batch{.update = {refused(append)}}; });
    if (!begun) store_.pending->add({.add = {refused(std::move(fresh))}});
  } catch (...) {
    store_.spool->undoConversion(draft->spool);
    throw;
  }
  store_.spool->endConversion(draft->spool);
  draft->gone = true;
  unlink(id, {draft, localInode(id)});
  return true;
}

}  // namespace emlfs
