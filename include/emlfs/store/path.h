// Where a directory is below the mount point.
#pragma once

#include <optional>
#include <string>

#include "emlfs/store/cache.h"

namespace emlfs::store {

// "/Work/2026", to be put behind the mount point; empty for the root. Absent if the directory, or
// one above it, is no longer there.
std::optional<std::string> pathOf(const Snapshot& snapshot, MailboxId directory);

}  // namespace emlfs::store
