// Lists what is not known yet: the first sight of a mailbox and new mail are the same thing.
#pragma once

#include <optional>

#include "emlfs/imap/session.h"
#include "emlfs/mail/mailbox.h"
#include "emlfs/sync/sync.h"

namespace emlfs::sync {

// What listNew() will ask for first, wherever the mailbox ends.
UidRange firstStep(const SyncState& known);

// Fetches metadata above known.listed_to, in steps by ascending UID, each committed. Returns the
// state that is then stored, complete. `foretold`: what the session was told to ask for already.
SyncState listNew(imap::Session& session, const imap::Selected& now, SyncState known, Store store,
                  MailboxId mailbox, const OnChange& on_change,
                  std::optional<UidRange> foretold = {});

}  // namespace emlfs::sync
