// Writes a Delta into the store, with the SyncState that belongs to it: one transaction.
#pragma once

#include "emlfs/mail/mailbox.h"
#include "emlfs/sync/sync.h"

namespace emlfs::sync {

// Applies and commits. `delta.state.messages` is set to what is then in the store.
// Returns the state as it was stored; throws Error(not_found, mailbox) if the mailbox is gone.
SyncState apply(Store store, MailboxId mailbox, const Delta& delta, const OnChange& on_change);

}  // namespace emlfs::sync
