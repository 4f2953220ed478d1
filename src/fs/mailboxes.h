// MKDIR and RMDIR: mailboxes come and go. RENAME of a directory is with that of messages.
#pragma once

#include "fs/context.h"

namespace emlfs::fs {

void mkdir(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode);
void rmdir(fuse_req_t request, fuse_ino_t parent, const char* name);

}  // namespace emlfs::fs
