// Some servers (Courier) give a mailbox another UIDVALIDITY with another name, and its messages
// other UIDs, though they are the same. Then what is known of them, and what is pending, goes on.
#pragma once

#include <optional>

#include "emlfs/sync/sync.h"

namespace emlfs::sync {

// Absent if `mailbox` has the UIDVALIDITY that is known under its new name `wire`, too. Else those
// messages of the store and of the journal that can be told apart by Message-ID and INTERNALDATE,
// or stand in the same order, are found again. After a crash the store may have it already.
std::optional<Revalued> revalued(imap::Session& session, Store store,
                                 const store::MailboxRecord& record, const std::string& mailbox,
                                 const std::string& wire);

// Writes that into the store: messages that were not found again go, and the mailbox is listed
// again unless all are known. Adds what the kernel has to hear to `change`.
void renumber(store::Update& update, store::MailboxRecord& record, const Revalued& revalued,
              TreeChange& change);

}  // namespace emlfs::sync
