// An operation that needs a mailbox to be listed further: waits without holding a thread, and ends
// when the user interrupts it.
#pragma once

#include <functional>

#include "fs/context.h"

namespace emlfs::fs {

// When the user interrupts the request, the account's wait is cancelled. To be called before the
// wait begins: once it has, the request may be answered and gone at any moment.
void cancelWhenInterrupted(fuse_req_t request, WaitId wait);

// Calls `again` when UIDs above the mailbox's listed_to are there, or the listing is complete; or
// answers the request with the error that kept it from being so.
void waitForListing(fuse_req_t request, const store::MailboxRecord& mailbox,
                    std::function<void()> again);

}  // namespace emlfs::fs
