// Copies whose answer was lost: whether the server has them.
#pragma once

#include <utility>
#include <vector>

#include "emlfs/base/error.h"
#include "emlfs/sync/sync.h"

namespace emlfs::sync {

struct Copies {
  Run found;  // with their UIDs
  // Those that were not found, and may be a message that the server doesn't give.
  std::vector<std::pair<store::Change, Error>> unreadable;
};

// Of moves whose COPY or MOVE was begun, those whose copies have arrived, or do so within a second:
// only messages that nobody knew before it was sent, and that are the same by size, INTERNALDATE,
// Message-ID and every byte, for the original goes because of it. Not always all: what took long to
// compare is returned before the connection can break; nothing is, only if there is none. Leaves
// the destination selected.
Copies findCopies(imap::Session& session, Store store, const Run& run);

}  // namespace emlfs::sync
