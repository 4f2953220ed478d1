// Unmounting, as root by umount2(2), else by fusermount3.
#pragma once

#include <string>

namespace emlfs::app {

enum class Detach {
  now,   // fails while something uses the mount
  lazy,  // gone from the tree at once, for good when nothing uses it any more
};

// Throws Error(busy), or MountError with the reason.
void unmount(const std::string& mount_point, Detach how);

}  // namespace emlfs::app
