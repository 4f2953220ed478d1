// LOOKUP: a name in a directory.
#pragma once

#include "fs/context.h"

namespace emlfs::fs {

void lookup(fuse_req_t request, fuse_ino_t parent, const char* name);

}  // namespace emlfs::fs
