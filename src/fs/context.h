// What every operation works on. One for a mount; outlives all requests.
#pragma once

#include <fuse_lowlevel.h>

#include "emlfs/account/account.h"
#include "emlfs/fs/filesystem.h"
#include "fs/closings.h"
#include "fs/invalidator.h"
#include "fs/mending.h"
#include "fs/requests.h"

namespace emlfs::fs {

struct Context {
  Account& account;
  MountOptions options;
  Requests requests;
  Invalidator* invalidator = nullptr;  // set before the first request
  // The same, but for a mount that is read-only.
  Closings* closings = nullptr;
  Mending* mending = nullptr;
};

inline Context& contextOf(fuse_req_t request) {
  return *static_cast<Context*>(fuse_req_userdata(request));
}

// Seconds that the kernel may keep what it was told. What changes is taken back explicitly (see
// invalidator.h), so names and messages stay for good; the attributes of directories are asked for
// again as a hint that somebody looks there.
constexpr double kForever = 365.0 * 24 * 3600;
constexpr double kDirectoryAttributes = 2.0;

}  // namespace emlfs::fs
