// Where an account is mounted: the daemons are asked, for two seconds each at most.
#pragma once

#include <optional>
#include <string>

#include "app/source.h"

namespace emlfs::app {

// Whether the mount there works and is that of this account. Throws Error(system).
bool isMountOf(const std::string& mount_point, const Source& source);

// The first mount that is. Throws Error(system).
std::optional<std::string> mountOf(const Source& source);

}  // namespace emlfs::app
