// How to learn what changed among the messages that are known already. Each strategy leaves the
// store with the flags of the server and `state.highest_modseq` to match; deletions that it can't
// see are found by reconcile().
#pragma once

#include "emlfs/imap/session.h"
#include "emlfs/mail/mailbox.h"
#include "emlfs/sync/sync.h"

namespace emlfs::sync {

enum class Strategy {
  first,      // nothing is known yet
  unchanged,  // MODSEQ, UIDNEXT and the number of messages say that nothing happened
  qresync,    // the answer to EXAMINE holds it (RFC 7162 section 3.2.5)
  condstore,  // UID FETCH ... (CHANGEDSINCE), deletions by UID SEARCH
  plain,      // the flags of every known message
};

const char* name(Strategy strategy);

// `asked_qresync`: EXAMINE was given what is known.
Strategy choose(const imap::Selected& now, const SyncState& known, bool asked_qresync);

// Carries the strategy out and commits. Returns the state that is then stored.
SyncState followKnown(Strategy strategy, imap::Session& session, const imap::Selected& now,
                      SyncState known, Store store, MailboxId mailbox, const OnChange& on_change);

struct Reconciled {
  SyncState state;  // as it is then stored
  Uid last = 0;     // the highest of those UIDs that the server has
};

// Compares the UIDs up to `limit` that the server has with those in the store, and removes what is
// gone. A message that the store lacks makes the mailbox incomplete, to be listed again from below
// it.
Reconciled reconcile(imap::Session& session, SyncState known, Uid limit, Store store,
                     MailboxId mailbox, const OnChange& on_change);

}  // namespace emlfs::sync
