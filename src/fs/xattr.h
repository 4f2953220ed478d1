// Extended attributes: what IMAP knows of a message or mailbox, and the status of the mount. The
// kernel never caches them, so they are what changing things are shown by.
#pragma once

#include "fs/context.h"

namespace emlfs::fs {

void getxattr(fuse_req_t request, fuse_ino_t node, const char* name, size_t size);
void listxattr(fuse_req_t request, fuse_ino_t node, size_t size);

}  // namespace emlfs::fs
