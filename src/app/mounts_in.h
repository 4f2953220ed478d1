// Several mounts that a command is about: those in a directory, as `emlfs mount all` makes them, or
// those of all accounts.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/mount_table.h"

namespace emlfs::app {

// What this user has mounted by an account's name, which is its source. Throws Error(system).
std::vector<MountEntry> mountsByName();

// Where this user has mounted the account of this name: on its mount point if it is there, else
// elsewhere; absent if nowhere. Throws Error(system).
std::optional<std::string> mountNamed(const std::string& account);

// Why `word` means no mount, if it isn't a path of something either. Throws Error(system).
std::string whyNoMount(const std::string& word);

// Paths of the mounts that `word` means, sorted: "all" is all accounts of the config file, or all
// that this user has mounted by a name if the file is wrong; else those directly in a directory.
// Absent if it is one mount, or nothing that can be one. Throws Error(system).
std::optional<std::vector<std::string>> mountsIn(const std::string& word);

// Paths of all mounts of emlfs, sorted; of this user. Throws Error(system).
std::vector<std::string> allMounts();
std::vector<std::string> ownMounts();

// Runs the same command for each of them. The first exit code that is not 0.
int runOnEach(const std::string& command, const std::vector<std::string>& mounts,
              const std::vector<std::string>& flags = {});

}  // namespace emlfs::app
