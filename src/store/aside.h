// Files that can't be used any more.
#pragma once

#include <string>

namespace emlfs::store {

void removeFile(const std::string& path);  // fine if it isn't there

// Renames the data file of an environment to ".damaged", for whoever wants to find out why; one is
// kept. Its lock file and mark go.
void putAside(const std::string& path);

}  // namespace emlfs::store
