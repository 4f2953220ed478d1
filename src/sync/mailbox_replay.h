// Sends changes of mailboxes. Each step is in the journal before it is done, so that a kill or a
// cut anywhere leaves what the next call finds out and finishes. ARCHITECTURE.md has the rules for
// what other clients do meanwhile.
#pragma once

#include "emlfs/sync/sync.h"

namespace emlfs::sync {

// Sends it, and writes what became of it into store and journal. Throws the server's refusal, an
// Error of scope mailbox: then the server is as before.
void sendMailboxChange(imap::Session& session, Store store, const store::Change& change,
                       const OnChange& on_change);

// The server refused it: it is parked, with all that was to happen in a mailbox that is not made,
// and the directories are as before.
void refuseMailboxChange(Store store, const store::Change& change, const Error& error,
                         const OnChange& on_change);

}  // namespace emlfs::sync
