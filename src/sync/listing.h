// Lists what is not known yet: the first sight of a mailbox and new mail are the same thing.
#pragma once

#include "emlfs/imap/session.h"
#include "emlfs/mail/mailbox.h"
#include "emlfs/sync/sync.h"

namespace emlfs::sync {

// Fetches metadata above known.listed_to, in steps by ascending UID, each committed. Returns the
// state that is then stored, complete.
SyncState listNew(imap::Session& session, const imap::Selected& now, SyncState known, Store store,
                  MailboxId mailbox, const OnChange& on_change);

}  // namespace emlfs::sync
