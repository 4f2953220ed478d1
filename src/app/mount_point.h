// What must be right before mounting.
#pragma once

#include <string>
#include <vector>

namespace emlfs::app {

// Checks that `path` is an empty directory on which nothing is mounted, and gives it without
// symbolic links. The mount that a dead emlfs left behind is taken away, with a line in `notices`.
// Throws Error(invalid): missing, no directory, not writable; Error(busy): not empty, mounted.
std::string prepareMountPoint(const std::string& path, std::vector<std::string>& notices);

// Makes it, and what it lies in, if it isn't there: for those that nobody names when he mounts.
// Throws Error(invalid).
void makeMountPoint(const std::string& path);

// An ordinary user needs user_allow_other in fuse.conf for allow_other. Throws Error(invalid).
void checkAllowOther(const std::string& fuse_conf = "/etc/fuse.conf");

// True if the text of fuse.conf has the line user_allow_other.
bool allowsOther(const std::string& fuse_conf_text);

}  // namespace emlfs::app
