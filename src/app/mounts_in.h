// Several mounts that a command is about: those in a directory, as `emlfs mount all` makes them, or
// those of all accounts.
#pragma once

#include <string>
#include <vector>

#include "app/run_each.h"

namespace emlfs::app {

// Paths of the mounts of emlfs directly in `directory`, sorted; where nothing is called "all", that
// means those on the mount points of the config file's accounts. Empty if it is a mount itself, or
// doesn't exist. Throws Error(system), Error(invalid) for the config file.
std::vector<std::string> mountsIn(const std::string& directory);

// Paths of all mounts of emlfs, sorted. Throws Error(system).
std::vector<std::string> allMounts();

// The same command for each of them.
std::vector<Task> tasksFor(const std::string& command, const std::vector<std::string>& mounts,
                           const std::vector<std::string>& flags = {});

}  // namespace emlfs::app
