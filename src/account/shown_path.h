// Where a person sees a message.
#pragma once

#include <optional>
#include <string>

#include "emlfs/store/cache.h"

namespace emlfs {

// Below the mount point; absent if it is hidden.
std::optional<std::string> shownPath(const store::Snapshot& snapshot,
                                     const store::MessageRecord& message);

}  // namespace emlfs
