// Where an account is mounted: the daemons are asked, for two seconds each at most.
#pragma once

#include <optional>
#include <string>

#include "app/source.h"

namespace emlfs::app {

// Whether the mount there works and is that of this account. Throws Error(system).
bool isMountOf(const std::string& mount_point, const Source& source);

// The mount that has this cache. Throws Error(system).
std::optional<std::string> mountWithCache(const std::string& cache_dir);

}  // namespace emlfs::app
