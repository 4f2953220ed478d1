// Copies whose answer was lost: whether the server has them.
#pragma once

#include "emlfs/sync/sync.h"

namespace emlfs::sync {

// Of moves whose COPY or MOVE was begun, those whose copies have arrived, or do so within a second,
// with their UIDs: only messages that nobody knew before, and that are the same by size,
// INTERNALDATE, Message-ID and every byte, for the original goes because of it. Leaves the
// destination selected.
Run findCopies(imap::Session& session, Store store, const Run& run);

}  // namespace emlfs::sync
