// Some servers (Courier) give a mailbox another UIDVALIDITY with another name, though its messages
// and their UIDs are the same. Then what is known of them, and what is pending, goes on.
#pragma once

#include <optional>

#include "emlfs/sync/sync.h"

namespace emlfs::sync {

// The UIDVALIDITY that the mailbox has under its new name, if it is another one than the record's
// and every message that both know is the same: in Message-ID, INTERNALDATE and size.
std::optional<UidValidity> revalued(imap::Session& session, Store store,
                                    const store::MailboxRecord& record, const std::string& wire);

}  // namespace emlfs::sync
