// What is known of a mailbox before something is sent into it, to find out afterwards whether it
// has arrived.
#pragma once

#include <string>

#include "emlfs/sync/sync.h"

namespace emlfs::sync {

// New messages will have that UID or a higher one. Nothing, if the server refuses to tell: what is
// to be sent will tell more exactly what is wrong. May leave the mailbox selected, for reading.
store::Change::Destination destinationOf(imap::Session& session, const std::string& wire);

}  // namespace emlfs::sync
