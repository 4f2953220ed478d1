// Sends the pending changes. The counterpart of syncMailbox(): that makes the store follow the
// server, this makes the server follow the journal.
#pragma once

#include <set>

#include "emlfs/sync/sync.h"

namespace emlfs::sync {

// Sends what can be sent, run by run, and stores what became of it: where the messages are now, or
// that the server refused (then the view is as before, and the change is parked). Returns the
// mailboxes to be synchronised afterwards. `store.pending` must be set.
//
// Ends with Error of scope connection or account when the connection breaks; then some changes are
// begun and their outcome is found out by the next call. One call at a time.
std::set<MailboxId> replay(imap::Session& session, Store store, const OnChange& on_change);

}  // namespace emlfs::sync
