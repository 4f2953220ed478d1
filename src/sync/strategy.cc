#include "sync/strategy.h"

#include <algorithm>

#include "sync/apply.h"

namespace emlfs::sync {
namespace {

// UIDs asked for in one command: bounds the answer and the memory it takes.
constexpr Uid kFlagStep = 5'000;
constexpr size_t kCommitStep = 2'000;

// UIDs of the store from `first` to `last`.
UidSet storedUids(Store store, MailboxId mailbox, Uid first, Uid last) {
  UidSet uids;
  store.cache.snapshot()->messages(mailbox, first - 1, [&](const store::MessageRecord& message) {
    if (message.uid > last) return false;
    uids.add(message.uid);
    return true;
  });
  return uids;
}

UidSet difference(const UidSet& from, const UidSet& without) {
  UidSet left;
  for (const auto& range : from.ranges())
    for (uint64_t uid = range.first; uid <= range.last; ++uid)
      if (!without.contains(static_cast<Uid>(uid))) left.add(static_cast<Uid>(uid));
  return left;
}

// The last UID of a step that holds about kFlagStep known messages: UIDs may be far apart.
Uid stepEnd(Store store, MailboxId mailbox, Uid after, Uid limit) {
  Uid end = limit;
  Uid count = 0;
  store.cache.snapshot()->messages(mailbox, after, [&](const store::MessageRecord& message) {
    if (message.uid > limit) return false;
    if (++count < kFlagStep) return true;
    end = message.uid;
    return false;
  });
  return end;
}

SyncState followCondstore(imap::Session& session, const imap::Selected& now, SyncState known,
                          Store store, MailboxId mailbox, const OnChange& on_change) {
  Delta delta;
  delta.state = known;
  session.fetchFlags(1, known.listed_to, known.highest_modseq, [&](FlagChange&& change) {
    delta.changed.push_back(std::move(change));
    if (delta.changed.size() < kCommitStep) return;
    apply(store, mailbox, delta, on_change);  // without the new MODSEQ: the rest is still to come
    delta.changed.clear();
  });
  delta.state.highest_modseq = now.highest_modseq;
  return apply(store, mailbox, delta, on_change);
}

SyncState followPlain(imap::Session& session, const imap::Selected& now, SyncState known,
                      Store store, MailboxId mailbox, const OnChange& on_change) {
  for (Uid done = 0; done < known.listed_to;) {
    const Uid end = stepEnd(store, mailbox, done, known.listed_to);
    UidSet present;
    Delta delta;
    delta.state = known;
    session.fetchFlags(done + 1, end, 0, [&](FlagChange&& change) {
      present.add(change.uid);
      delta.changed.push_back(std::move(change));
    });
    delta.vanished = difference(storedUids(store, mailbox, done + 1, end), present);
    // Some servers say OK and nothing else when they fail (servers.md): not told is not yet gone.
    if (!delta.vanished.empty())
      delta.vanished = difference(delta.vanished, session.searchUids(done + 1, end));
    known = apply(store, mailbox, delta, on_change);
    done = end;
  }
  Delta last;
  last.state = known;
  last.state.highest_modseq = now.highest_modseq;
  return apply(store, mailbox, last, on_change);
}

}  // namespace

const char* name(Strategy strategy) {
  switch (strategy) {
    case Strategy::first:
      return "first listing";
    case Strategy::unchanged:
      return "unchanged";
    case Strategy::qresync:
      return "QRESYNC";
    case Strategy::condstore:
      return "CONDSTORE";
    case Strategy::plain:
      return "plain";
  }
  return "";
}

Strategy choose(const imap::Selected& now, const SyncState& known, bool asked_qresync) {
  if (known.listed_to == 0) return Strategy::first;
  if (known.highest_modseq != 0 && now.highest_modseq != 0) {
    // MODSEQ only grows: one that went back can't be trusted (RFC 7162 section 3.1.2).
    if (now.highest_modseq < known.highest_modseq) return Strategy::plain;
    if (asked_qresync) return Strategy::qresync;
    const bool same = known.complete && now.highest_modseq == known.highest_modseq &&
                      now.uid_next == known.uid_next && now.messages == known.messages;
    return same ? Strategy::unchanged : Strategy::condstore;
  }
  return Strategy::plain;
}

SyncState followKnown(Strategy strategy, imap::Session& session, const imap::Selected& now,
                      SyncState known, Store store, MailboxId mailbox, const OnChange& on_change) {
  switch (strategy) {
    case Strategy::first: {
      // The MODSEQ from before the listing: what changes while it runs is asked for next time.
      Delta delta;
      delta.state = known;
      delta.state.highest_modseq = now.highest_modseq;
      return apply(store, mailbox, delta, on_change);
    }
    case Strategy::unchanged:
      return known;
    case Strategy::qresync: {
      Delta delta;
      delta.state = known;
      delta.state.highest_modseq = now.highest_modseq;
      delta.vanished = now.vanished;
      delta.changed = now.changed;
      return apply(store, mailbox, delta, on_change);
    }
    case Strategy::condstore:
      return followCondstore(session, now, known, store, mailbox, on_change);
    case Strategy::plain:
      return followPlain(session, now, known, store, mailbox, on_change);
  }
  return known;
}

Reconciled reconcile(imap::Session& session, SyncState known, Uid limit, Store store,
                     MailboxId mailbox, const OnChange& on_change) {
  const UidSet stored = storedUids(store, mailbox, 1, limit);
  const UidSet present = session.searchUids(1, limit);
  Delta delta;
  delta.state = known;
  // What lies above has been moved here by us since the session looked, and it may not know it.
  delta.vanished =
      difference(storedUids(store, mailbox, 1, std::min(limit, known.listed_to)), present);
  const UidSet missing = difference(present, stored);
  if (!missing.empty()) {
    delta.state.listed_to = std::min(known.listed_to, missing.ranges().front().first - 1);
    delta.state.complete = false;
  }
  const Uid last = present.empty() ? 0 : present.ranges().back().last;
  return {apply(store, mailbox, delta, on_change), last};
}

}  // namespace emlfs::sync
