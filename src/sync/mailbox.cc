#include <algorithm>
#include <limits>
#include <vector>

#include "emlfs/base/error.h"
#include "emlfs/base/log.h"
#include "emlfs/sync/rights.h"
#include "emlfs/sync/sync.h"
#include "sync/apply.h"
#include "sync/listing.h"
#include "sync/sent.h"
#include "sync/strategy.h"

namespace emlfs::sync {
namespace {

constexpr Uid kLastUid = std::numeric_limits<Uid>::max();

// After a UIDVALIDITY change no old UID means anything (RFC 9051 section 2.3.1.1). In a mailbox
// that was never looked at there are none: what is there already has been moved there by us.
SyncState startAgain(const imap::Selected& now, const SyncState& before, Store store,
                     MailboxId mailbox, const OnChange& on_change) {
  Delta delta;
  delta.replaced = before.uid_validity != 0;
  delta.state = forgotten(before, now.uid_validity);
  return apply(store, mailbox, delta, on_change);
}

// What changed, in the same answer where it fits; else it is asked for in steps.
imap::Selected examine(imap::Session& session, const std::string& wire,
                       std::optional<imap::Known>& known, const imap::Next& next) {
  try {
    return session.examine(wire, known, next);
  } catch (const Error& error) {
    if (!known || error.code != Code::limit || error.scope != Scope::mailbox) throw;
    known.reset();
    return session.examine(wire);
  }
}

store::MailboxRecord recordOf(Store store, MailboxId mailbox) {
  auto record = store.cache.snapshot()->mailbox(mailbox);
  if (!record || !record->selectable)
    throw Error(Code::not_found, Scope::mailbox, "no such mailbox");
  return *record;
}

// Asked once, and again while something is denied: rights may have been given since.
bool wantsRights(const imap::Session& session, Store store, const store::MailboxRecord& record) {
  return store.pending != nullptr && session.capabilities().has("ACL") &&
         (!record.rights_asked || !record.denied.empty());
}

void askRights(imap::Session& session, Store store, const store::MailboxRecord& record) {
  std::optional<std::string> rights;
  try {
    rights = session.myRights(record.wire);
  } catch (const Error& error) {
    if (error.scope != Scope::mailbox) throw;
    log::info("{}", error.what());
  }
  const auto update = store.cache.begin();
  auto now = update->mailbox(record.id);
  if (!now || now->wire != record.wire || !learnRights(*now, rights)) return;
  update->putMailbox(*now);
  update->commit();
}

}  // namespace

void syncMailbox(imap::Session& session, Store store, MailboxId mailbox, const OnChange& on_change,
                 bool believe_empty) {
  const auto record = recordOf(store, mailbox);
  if (record.unborn) return;  // there is nothing on the server to follow
  SyncState known = record.state;
  auto expected =
      store.pending == nullptr ? std::set<MessageId>() : store.pending->expected(record.wire);

  const UidSet left = store.pending == nullptr
                          ? UidSet()
                          : store.pending->leftFrom(record.wire, known.uid_validity);

  std::optional<imap::Known> parameters;
  if (session.capabilities().has("QRESYNC") && known.uid_validity != 0 &&
      known.highest_modseq != 0 && known.listed_to != 0)
    parameters = imap::Known{known.uid_validity, known.highest_modseq, known.listed_to};
  imap::Next next;
  next.rights = wantsRights(session, store, record);
  // Without QRESYNC other questions come first, once there is something to follow.
  if ((known.listed_to == 0 || parameters) && known.listed_to < kLastUid)
    next.metadata = firstStep(known);
  auto now = examine(session, record.wire, parameters, next);
  // A server that leaves it out once has not replaced the mailbox.
  if (now.uid_validity == 0) now.uid_validity = known.uid_validity;
  const bool emptied = now.messages == 0 && known.messages != 0 && now.vanished.empty();
  if (emptied && now.uid_validity == known.uid_validity && !believe_empty)
    throw Error(Code::stale, Scope::connection,
                record.wire + " is said to be empty all at once: asking again");

  if (now.uid_validity != known.uid_validity) {
    if (known.uid_validity != 0 && store.pending != nullptr && store.pending->renames(record.wire))
      throw Error(Code::busy, Scope::mailbox,
                  record.wire + " is being renamed: it is looked at later");
    if (known.uid_validity != 0)
      log::info("{}: UIDVALIDITY changed from {} to {}", record.wire, known.uid_validity,
                now.uid_validity);
    known = startAgain(now, known, store, mailbox, on_change);
  }
  if (next.rights) askRights(session, store, record);
  const auto strategy = choose(now, known, parameters.has_value());
  known = followKnown(strategy, session, now, known, store, mailbox, on_change);
  known = listNew(session, now, known, store, mailbox, on_change, next.metadata);

  // Deletions that the strategy could not see, and servers that report them wrongly.
  if (known.messages != now.messages) {
    auto [state, last] = reconcile(session, known, kLastUid, store, mailbox, on_change);
    if (!state.complete) {
      now.uid_next = std::max<Uid>(now.uid_next, last + (last == kLastUid ? 0 : 1));
      state = listNew(session, now, state, store, mailbox, on_change);
      // Only what was asked for: more may have come meanwhile.
      state = reconcile(session, state, state.listed_to, store, mailbox, on_change).state;
    }
    // Better an error than a listing that looks whole.
    if (!state.complete)
      throw Error(Code::protocol, Scope::mailbox,
                  "the server has messages that it doesn't describe");
    known = state;
  }
  if (!left.empty()) store.pending->forgetLeft(record.wire, record.state.uid_validity, left);
  if (!expected.empty()) {
    // One that was found may have been sent on meanwhile, and have no UID again.
    const auto still = store.pending->expected(record.wire);
    std::erase_if(expected, [&](MessageId id) { return still.count(id) == 0; });
    forgetLost(store, expected, on_change);
  }
  log::debug("{}: {}, {} messages up to UID {}", record.wire, name(strategy), known.messages,
             known.listed_to);
}

}  // namespace emlfs::sync
