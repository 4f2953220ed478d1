// Appends whose answer was lost: whether the server has them.
#pragma once

#include <functional>
#include <map>

#include "emlfs/base/error.h"
#include "emlfs/sync/sync.h"

namespace emlfs::sync {

struct Found {
  UidValidity uid_validity = 0;
  std::map<uint64_t, Uid> uids;  // by the number of the change
  // Those that were not found, and may be a message that the server doesn't give.
  std::map<uint64_t, Error> unreadable;
};

// Looks in the destination, which is the same for the whole run. `file` gives a descriptor of the
// bytes. Waits for a moment for those that are not there: the server may not be done yet with what
// it had got when the connection broke. A destination that is gone has none.
Found findAppended(imap::Session& session, Store store, const Run& run,
                   const std::function<int(const store::Change&)>& file);

}  // namespace emlfs::sync
