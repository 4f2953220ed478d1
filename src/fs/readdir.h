// READDIR and READDIRPLUS. Sub-directories come first, then messages by UID. The offset of an entry
// is a key (local id, UID), not a position, so it stays valid while entries come and go.
#pragma once

#include "fs/context.h"

namespace emlfs::fs {

void readdir(fuse_req_t request, fuse_ino_t node, size_t size, off_t offset, fuse_file_info* info);
void readdirplus(fuse_req_t request, fuse_ino_t node, size_t size, off_t offset,
                 fuse_file_info* info);

}  // namespace emlfs::fs
