// Writes a Delta into the store, with the SyncState that belongs to it: one transaction.
#pragma once

#include "emlfs/mail/mailbox.h"
#include "emlfs/sync/sync.h"

namespace emlfs::sync {

// Whether the kernel may have cached what the directory held, and which names it lacked.
inline bool wasListed(const SyncState& state) {
  return state.complete || state.uid_next != 0;
}

// Nothing is known of the mailbox any more but that it was listed, which says that its UIDs end
// somewhere.
inline SyncState forgotten(const SyncState& before, UidValidity now) {
  return {.uid_validity = now, .uid_next = wasListed(before) ? Uid{1} : Uid{0}};
}

// Applies and commits. `delta.state.messages` is set to what is then in the store.
// Returns the state as it was stored; throws Error(not_found, mailbox) if the mailbox is gone.
SyncState apply(Store store, MailboxId mailbox, const Delta& delta, const OnChange& on_change);

}  // namespace emlfs::sync
