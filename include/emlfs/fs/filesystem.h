// The mount: an Account as a directory tree, through libfuse's low-level API.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "emlfs/account/account.h"
#include "emlfs/base/clock.h"

namespace emlfs::fs {

struct MountOptions {
  std::string mount_point;  // an empty directory
  std::string name;         // shown as the device: the source as it was given, nothing secret
  bool read_only = true;
  bool allow_other = false;
  uid_t uid = 0;  // owner of everything
  gid_t gid = 0;
  mode_t umask = 0077;
  bool sync = false;              // a change is answered when the server has it
  Milliseconds farewell{30'000};  // at the end, for sending what is pending
  std::function<void()> ending;   // called once when that begins, by another thread; may be empty
};

// Mounts, calls `ready`, serves until it is unmounted or SIGTERM, SIGINT or SIGHUP arrives, and
// unmounts. Before that it tries, for `farewell` at most, to send what is pending, as long as the
// server can be reached; a second signal ends that. After a signal the mount works meanwhile.
// Throws Error(system or busy) if it can't be mounted. Call with all signals unblocked and
// `account` started; `account` is stopped on return.
void serve(Account& account, const MountOptions& options, const std::function<void()>& ready);

}  // namespace emlfs::fs
