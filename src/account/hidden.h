// Messages that are \Deleted, and so not shown: what `emlfs undelete` and `emlfs expunge` are
// about.
#pragma once

#include <string>
#include <vector>

#include "emlfs/sync/sync.h"

namespace emlfs {

// Of a directory, in the order of their ids; without those that are to be removed for good.
std::vector<store::MessageRecord> hiddenIn(sync::Store store, MailboxId directory);

// JSON, see ARCHITECTURE.md: those with an id above `after`, as many as an extended attribute
// holds, and the directories below.
std::string hiddenJson(sync::Store store, MailboxId directory, MessageId after);

}  // namespace emlfs
