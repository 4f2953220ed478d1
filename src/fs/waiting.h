// An operation that needs a mailbox to be listed further: waits without holding a thread, and ends
// when the user interrupts it.
#pragma once

#include <functional>

#include "fs/context.h"

namespace emlfs::fs {

// Calls `again` when UIDs above the mailbox's listed_to are there, or the listing is complete; or
// answers the request with the error that kept it from being so.
void waitForListing(fuse_req_t request, const store::MailboxRecord& mailbox,
                    std::function<void()> again);

}  // namespace emlfs::fs
