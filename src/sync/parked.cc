#include "emlfs/sync/parked.h"

#include <algorithm>
#include <set>
#include <utility>

#include "emlfs/base/error.h"
#include "emlfs/base/take_if.h"
#include "emlfs/sync/free_name.h"
#include "sync/overlay.h"
#include "sync/sent.h"
#include "sync/told_changes.h"
#include "sync/tree_update.h"

namespace emlfs::sync {
namespace {

using store::Change;

bool ofMessage(const Change& change) {
  return change.kind == Change::Kind::move || change.kind == Change::Kind::flags ||
         change.kind == Change::Kind::expunge;
}

// Where the message is now: since it was refused another change may have brought it elsewhere.
// False if it is no longer there.
bool findAgain(const store::Snapshot& snapshot, Change& change) {
  if (!ofMessage(change) || change.source.uid == 0) return true;
  const auto message = snapshot.message(change.id);
  const auto mailbox = message ? snapshot.mailbox(message->mailbox) : std::nullopt;
  if (!mailbox) {
    // In a mailbox that is not listed yet, perhaps: the cache was deleted.
    if (const auto there = mailboxByWire(snapshot, change.source.mailbox))
      if (!there->state.complete && there->state.listed_to < change.source.uid) return true;
    return false;
  }
  change.source.mailbox = mailbox->wire;
  change.source.uid_validity = mailbox->state.uid_validity;
  change.source.uid = message->uid;
  return true;
}

// The flags of the old version are those of the new one, also what was changed since that was put
// back.
void takeFlags(const store::Snapshot& snapshot, const Pending& pending, const Run& run,
               Change& append) {
  for (const Change& old : run) {
    const bool replaced = isReplaced(old) && old.spool == append.spool;
    const auto message = replaced ? snapshot.message(old.id) : std::nullopt;
    if (!message || message->shown == store::Shown::hidden) continue;
    const auto ours = pending.outlook(old.id);
    append.add = changed(message->flags, ours ? ours->add : Flags(), ours ? ours->remove : Flags());
  }
}

// As far as it isn't there already.
void moveInView(Store store, store::Update& update, store::MessageRecord& message,
                const std::string& wire, Changes& changes) {
  const auto there = mailboxByWire(update, wire);
  if (!there || store::shownIn(message) == there->id) return;
  changes.unname(message);
  message.name = store.pending->nameOf({{}, 0, 0, message.id}).value_or(message.name);
  message.name = freeName(update, there->id, message.name);
  message.shown = there->id == message.mailbox ? store::Shown::in_place : store::Shown::arrived;
  message.directory = message.shown == store::Shown::arrived ? there->id : MailboxId{};
  update.putMessage(message);
  changes.in(there->id).added.push_back(message.name);
}

void showAgain(Store store, const Run& run, const OnChange& on_change) {
  std::set<MessageId> ids;
  for (const Change& change : run)
    if (ofMessage(change)) ids.insert(change.id);
  if (ids.empty()) return;
  const auto update = store.cache.begin();
  Changes changes(*update);
  for (const MessageId id : ids) {
    const auto ours = store.pending->outlook(id);
    auto message = update->message(id);
    if (!ours || !message) continue;
    if (ours->deleted) {
      changes.unname(*message);
      message->shown = store::Shown::hidden;
      update->putMessage(*message);
    } else if (ours->directory) {
      moveInView(store, *update, *message, *ours->directory, changes);
    }
  }
  changes.commit(on_change);
}

}  // namespace

Retried retryParked(Store store, const std::vector<uint64_t>& numbers, const OnChange& on_change) {
  Run run = store.pending->parkedWith(numbers);
  Run gone;
  {
    const auto snapshot = store.cache.snapshot();
    for (Change& change : run)
      if (change.kind == Change::Kind::append) takeFlags(*snapshot, *store.pending, run, change);
    gone = takeIf(run, [&](Change& change) { return !findAgain(*snapshot, change); });
  }
  // A person has done it again meanwhile; or what a new message replaces has gone.
  Run needless = takeIf(run, [](const Change& change) {
    return change.kind == Change::Kind::move && change.source.mailbox == change.mailbox;
  });
  for (Change& change : takeIf(gone, isReplaced)) needless.push_back(std::move(change));
  if (!needless.empty()) store.pending->drop(needless);
  if (run.empty()) return {run, gone};
  const bool mailboxes = std::any_of(run.begin(), run.end(), ofMailboxes);
  if (mailboxes) store.pending->renaming();
  store.pending->retry(run);
  if (mailboxes) reshape(store, on_change);
  showAgain(store, run, on_change);
  return {run, gone};
}

std::string mailboxName(const std::string& wire) {
  return realName(wire);
}

std::vector<std::string> dropParked(Store store, const std::vector<uint64_t>& numbers) {
  const Run run = store.pending->parkedWith(numbers);
  store.pending->forgetParked(run);
  std::vector<std::string> files;
  for (const Change& change : run)
    if (change.kind == Change::Kind::append && !change.spool.empty()) files.push_back(change.spool);
  return files;
}

}  // namespace emlfs::sync
