// READ: answered from the store at once, or from a connection's thread when the bytes have come.
#pragma once

#include "fs/context.h"

namespace emlfs::fs {

void read(fuse_req_t request, fuse_ino_t node, size_t size, off_t offset, fuse_file_info* info);

}  // namespace emlfs::fs
