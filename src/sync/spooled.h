// The bytes of a new message, in the spool, on the server and in the cache.
#pragma once

#include "emlfs/sync/sync.h"

namespace emlfs::sync {

// The file of an append, and nothing else: throws Error(damaged, message) if it is gone or has
// another size than was acknowledged.
Fd openSpooled(const store::Spool& spool, const store::Change& append);

// Whether a message of the selected mailbox has these bytes. Absent bytes (it is gone) differ.
bool sameOnServer(imap::Session& session, Uid uid, int fd, uint64_t size);
// The same of a body in the cache; false also if not all of it is there.
bool sameInCache(const store::Snapshot& snapshot, MessageId id, int fd, uint64_t size);

// Puts the bodies of messages into the cache. What can't be put there is read from the server
// another time.
void cacheBodies(store::Cache& cache, const std::vector<std::pair<store::Change, int>>& files);

}  // namespace emlfs::sync
