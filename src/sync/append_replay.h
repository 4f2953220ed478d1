// New messages, from the spool to the server (APPEND). What was begun and whose answer was lost is
// looked for in the destination before anything is sent again: from the UIDNEXT on that was noted,
// by size or Message-ID, and then by every byte. A message that replaces one of the same bytes is
// not sent: it takes its place.
#pragma once

#include <functional>

#include "emlfs/base/error.h"
#include "emlfs/sync/sync.h"

namespace emlfs::sync {

// Parks what was refused. Nobody amends it meanwhile: it is claimed.
using Refused = std::function<void(const Run& run, const Error& error)>;

// Sends a run of appends to one mailbox; some may be left as they are, if they are being changed.
// Throws Error of scope connection or account as replay() does. `store.spool` must be set.
void appendMessages(imap::Session& session, Store store, const Run& run, const OnChange& on_change,
                    const Refused& refused);

}  // namespace emlfs::sync
