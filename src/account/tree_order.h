// The directory whose messages a tool reads after those of another, when it goes through the tree.
#pragma once

#include <optional>

#include "emlfs/store/cache.h"

namespace emlfs {

enum class TreeOrder {
  listed,     // as READDIR gives it: sub-directories before the messages (grep -r, find, tar)
  backwards,  // off a stack: the messages first, then the last of the sub-directories (rg)
  by_name,    // sorted: the messages before the sub-directories (rsync)
};

// Absent after the last one. A directory that is no mailbox counts, and has no messages.
std::optional<MailboxId> directoryAfter(const store::Snapshot& snapshot, MailboxId directory,
                                        TreeOrder order);

}  // namespace emlfs
