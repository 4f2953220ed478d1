// The mount: an Account as a directory tree, through libfuse's low-level API.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "emlfs/account/account.h"

namespace emlfs::fs {

struct MountOptions {
  std::string mount_point;  // an empty directory
  std::string name;         // shown as the device: the source without anything secret
  bool read_only = true;
  bool allow_other = false;
  uid_t uid = 0;  // owner of everything
  gid_t gid = 0;
  mode_t umask = 0077;
};

// Mounts, calls `ready`, serves until it is unmounted or SIGTERM, SIGINT or SIGHUP arrives, and
// unmounts. Throws Error(system or busy) if it can't be mounted. Call with all signals unblocked
// and `account` started; `account` is stopped on return.
void serve(Account& account, const MountOptions& options, const std::function<void()>& ready);

}  // namespace emlfs::fs
