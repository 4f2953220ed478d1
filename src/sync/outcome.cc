#include "sync/outcome.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "emlfs/base/fail_point.h"
#include "emlfs/base/log.h"
#include "emlfs/base/take_if.h"
#include "emlfs/sync/parked.h"
#include "emlfs/sync/rights.h"
#include "sync/copy_search.h"
#include "sync/mailbox_replay.h"
#include "sync/overlay.h"
#include "sync/sent.h"

namespace emlfs::sync {
namespace {

using store::Change;

// What was sent may have been done. While the server doesn't tell it can't be shown as refused, and
// sent again it could be there twice: it waits, with back-off, as when the server is away.
void throwIfDoubtful(const Error& error) {
  const bool is_final = error.code == Code::denied || error.code == Code::not_found ||
                        error.code == Code::invalid || error.code == Code::protocol;
  if (error.scope == Scope::mailbox && !is_final)
    throw Error(
        Code::busy, Scope::connection,
        std::string("what became of messages that were moved is not known: ") + error.what(),
        error.server);
}

}  // namespace

bool isLookedFor(const Change& change) {
  // One that was refused meanwhile, and is tried again.
  const bool again = change.state == Change::State::pending && change.recovered;
  return change.kind == Change::Kind::move && (change.state == Change::State::begun || again);
}

UidSet uidsOf(const Run& run) {
  UidSet uids;
  for (const auto& change : run) uids.add(change.source.uid);
  return uids;
}

std::set<MailboxId> Outcome::changed() {
  // A crash may have come before the look that shows which UIDs they have.
  // It may be one that is being removed: that waits for them.
  std::set<std::string> awaited;
  for (const Change& change : pending_.changes())
    if (lacksUid(change)) awaited.insert(change.mailbox);
  for (const auto& wire : awaited) note(wire);
  const auto snapshot = store_.cache.snapshot();
  std::erase_if(changed_, [&](MailboxId id) {
    const auto record = snapshot->mailbox(id);
    return !record || !record->selectable || record->unborn ||
           (record->hidden && awaited.count(record->wire) == 0);
  });
  return changed_;
}

void Outcome::note(const std::string& wire) {
  if (const auto record = mailboxByWire(*store_.cache.snapshot(), wire))
    changed_.insert(record->id);
}

bool Outcome::select(const Run& run) {
  const auto& source = run.front().source;
  const auto now = session_.select(source.mailbox);
  learn(source.mailbox, now);
  if (now.uid_validity != source.uid_validity) {
    std::vector<MessageId> ids;
    for (const auto& change : run) ids.push_back(change.id);
    putBack(store_, pending_.replaced(ids, source.mailbox), on_change_);
    note(source.mailbox);
    return false;
  }
  if (now.read_only)
    throw Error(Code::denied, Scope::mailbox, source.mailbox + " is read-only on the server");
  return true;
}

// What the server doesn't allow is refused at once from now on.
void Outcome::learn(const std::string& wire, const imap::Selected& now) {
  auto record = mailboxByWire(*store_.cache.snapshot(), wire);
  if (!record || !learnRights(*record, now)) return;
  const auto update = store_.cache.begin();
  record = update->mailbox(record->id);
  if (!record || !learnRights(*record, now)) return;
  update->putMailbox(*record);
  update->commit();
}

bool Outcome::adoptOrphans() {
  bool any = false;
  const auto orphans = pending_.orphans();
  const auto snapshot = store_.cache.snapshot();
  for (const MessageId id : orphans) {
    const auto message = snapshot->message(id);
    const auto mailbox = message ? snapshot->mailbox(message->mailbox) : std::nullopt;
    if (!mailbox || message->uid == 0) {
      any |= forgetOrphan(store_, id, on_change_);
      continue;
    }
    const store::MessageRef place{mailbox->wire, mailbox->state.uid_validity, message->uid,
                                  message->message_id, message->size};
    pending_.found(id, place);
    pending_.adopt(id, place);
    any = true;
  }
  return any;
}

void Outcome::failed(const Run& run, const Error& error) {
  if (isLookedFor(run.front())) {
    throwIfDoubtful(error);
    if (const Run left = notSettled(run); !left.empty()) refused(left, error);
    return;
  }
  if (error.code == Code::stale && dropGone(run)) return;
  if (run.front().state == Change::State::copied) takeBack(run);
  refused(run, error);
}

// Without MOVE a move got as far as its copies, and the originals can't be removed. They are shown
// where they were, and what is done to them would not be done to the copies: these go again. Those
// whose UIDs the server has not told are found when the move is tried again.
void Outcome::takeBack(const Run& run) {
  const auto& capabilities = session_.capabilities();
  if (!capabilities.has("UIDPLUS") && !capabilities.has("IMAP4REV2")) return;
  try {
    if (!select(run)) return;
    const UidSet here = present(run);
    Run copied = run;
    const Run staying =
        takeIf(copied, [&](const Change& change) { return here.contains(change.source.uid); });
    if (staying.empty()) return;
    // Some may have been marked before others were refused.
    session_.store(uidsOf(staying), imap::Session::Change::remove, Flags({"\\Deleted"}));
    Run known = copiesOf(staying);
    if (known.empty()) return;
    UidSet copies;
    for (const Change& change : known) copies.add(change.destination.uid);
    // Before they go: after a crash no original may be removed for a copy that is no more.
    pending_.doubt(known);
    failPoint("replay: copies doubted");
    session_.store(copies, imap::Session::Change::add, Flags({"\\Deleted"}));
    session_.expunge(copies);
    for (Change& change : known) {
      change.destination = {};
      change.recovered = false;
    }
    pending_.reset(known);
    note(run.front().mailbox);
  } catch (const Error& error) {
    if (error.scope == Scope::connection || error.scope == Scope::account) throw;
    log::warning("copies of messages that could not be moved stay in {}: {}", run.front().mailbox,
                 error.what());
  }
}

// takeBack() may have marked them and got no further; their originals are about to go.
void Outcome::keepCopies(const Run& found) {
  UidSet copies;
  for (const Change& change : found)
    if (change.recovered) copies.add(change.destination.uid);
  if (copies.empty()) return;
  session_.select(found.front().mailbox);
  session_.store(copies, imap::Session::Change::remove, Flags({"\\Deleted"}));
}

// Those whose copies are where the server had said, which may have been a mistake, and where
// nothing was before: with the destination selected.
Run Outcome::copiesOf(const Run& run) {
  const auto now = session_.select(run.front().mailbox);
  std::map<Uid, const Change*> told;
  for (const Change& change : run) {
    const auto& place = change.destination;
    const bool is_new = place.uid_next != 0 && place.uid >= place.uid_next;
    if (is_new && place.uid_validity == now.uid_validity) told[place.uid] = &change;
  }
  Run known;
  if (told.empty()) return known;
  session_.fetchMetadata(told.begin()->first, told.rbegin()->first, [&](MessageMeta&& meta) {
    const auto at = told.find(meta.uid);
    if (at == told.end()) return;
    const auto& original = at->second->source;
    if (meta.size == original.size && meta.header.message_id == original.message_id)
      known.push_back(*at->second);
  });
  return known;
}

Run Outcome::notSettled(const Run& run) const {
  Run left;
  for (Change& change : pending_.changes())
    if (isLookedFor(change) && std::ranges::binary_search(run, change.number, {}, &Change::number))
      left.push_back(std::move(change));
  return left;
}

UidSet Outcome::present(const Run& run) {
  const UidSet uids = uidsOf(run);
  return session_.searchUids(uids.ranges().front().first, uids.ranges().back().last);
}

// The server said that some of them are gone: another client was there first. False if all are
// there. The others are sent again.
bool Outcome::dropGone(const Run& run) {
  if (run.front().source.uid == 0 || run.front().state == Change::State::copied) return false;
  if (session_.selected() != run.front().source.mailbox || !session_.selectedForWriting()) {
    if (!select(run)) return true;
  } else {
    session_.noop();  // or it wouldn't have heard of it
  }
  const UidSet here = present(run);
  bool any = false;
  for (const Change& change : run) {
    if (here.contains(change.source.uid)) continue;
    pending_.vanished(change.id);
    any = true;
  }
  if (any) note(run.front().source.mailbox);
  return any;
}

Run Outcome::takeStaying(Run& run) {
  try {
    const UidSet here = present(run);
    return takeIf(run, [&](const Change& change) { return here.contains(change.source.uid); });
  } catch (const Error& error) {
    throwIfDoubtful(error);
    throw;
  }
}

// What is no longer here after a MOVE has arrived there. A server that died on the way may have
// copied what still is, as one without MOVE may have. The rest is sent as if it had never been:
// next() gives all of them again.
void Outcome::settleBegun(Run run, bool in_one_step) {
  const auto settleGone = [&] {
    const UidSet here = present(run);
    arrived(takeIf(run, [&](const Change& change) { return !here.contains(change.source.uid); }),
            {});
    return !run.empty();
  };
  if (in_one_step && !settleGone()) return;
  const Copies copies = findCopies(session_, store_, run);
  for (const auto& [change, error] : copies.unreadable) refused({change}, error);
  if (!copies.found.empty()) {
    keepCopies(copies.found);
    pending_.copied(copies.found);
    return;
  }
  run = notSettled(run);
  if (run.empty()) return;
  if (in_one_step && !(select(run) && settleGone())) return;
  for (Change& change : run) change.recovered = false;
  pending_.reset(run);
}

// First the view, then the journal: a crash in between is found out as a lost answer is.
void Outcome::arrived(const Run& run, const std::optional<imap::CopiedUids>& told) {
  if (run.empty()) return;
  std::map<Uid, Uid> uids;
  if (told) uids.insert(told->uids.begin(), told->uids.end());
  std::map<MessageId, Uid> places;
  for (const Change& change : run) {
    const auto at = uids.find(change.source.uid);
    places[change.id] = at == uids.end() ? 0 : at->second;
  }
  failPoint("replay: arrived");
  pending_.left(run);
  places = settle(store_, run.front().mailbox, told ? told->uid_validity : 0, places, on_change_);
  failPoint("replay: settled");
  const auto there = mailboxByWire(*store_.cache.snapshot(), run.front().mailbox);
  std::vector<Bound> bound;
  for (const Change& change : run) {
    store::MessageRef place = change.source;
    place.mailbox = change.mailbox;
    place.uid_validity = there ? there->state.uid_validity : 0;  // its UIDs are of that
    place.uid = places.at(change.id);
    bound.push_back({change.number, std::move(place)});
  }
  pending_.done(bound);
}

void Outcome::refused(const Run& run, const Error& error) {
  log::warning("{} changes were refused: {}", run.size(), error.what());
  if (error.code == Code::denied) askAgain(run.front());
  if (ofMailboxes(run.front())) {
    refuseMailboxChange(store_, run.front(), error, on_change_);
    return;
  }
  const Run parked = pending_.park(run, error);
  failPoint("replay: parked");
  putBack(store_, parked, on_change_);
}

// What was allowed when it was asked is no longer.
void Outcome::askAgain(const Change& change) {
  const auto update = store_.cache.begin();
  for (const auto* wire : {&change.source.mailbox, &change.mailbox}) {
    auto record = mailboxByWire(*update, *wire);
    if (!record || !record->rights_asked) continue;
    record->rights_asked = false;
    update->putMailbox(*record);
    note(record->id);
  }
  update->commit();
}

}  // namespace emlfs::sync
