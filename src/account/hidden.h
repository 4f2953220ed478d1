// Messages that are \Deleted, and so not shown: what `emlfs undelete` and `emlfs expunge` are
// about. Those that are to be removed for good are none of them.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "emlfs/sync/sync.h"

namespace emlfs {

// Of these messages, those that are hidden in the directory.
std::vector<MessageId> hiddenIn(sync::Store store, MailboxId directory,
                                const std::set<MessageId>& wanted);

// JSON, see ARCHITECTURE.md: what is hidden in the directory, and the directories below, from the
// `next` of the page before (0: from the beginning), as many as an extended attribute holds.
std::string hiddenJson(sync::Store store, MailboxId directory, uint64_t after);

}  // namespace emlfs
