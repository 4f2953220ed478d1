// RENAME, UNLINK, SETXATTR, REMOVEXATTR, LINK, SYMLINK, FSYNCDIR. A mount that is read-only gets
// none of them: the kernel answers EROFS.
#pragma once

#include "fs/context.h"

namespace emlfs::fs {

void rename(fuse_req_t request, fuse_ino_t parent, const char* name, fuse_ino_t new_parent,
            const char* new_name, unsigned flags);
void unlink(fuse_req_t request, fuse_ino_t parent, const char* name);
void setxattr(fuse_req_t request, fuse_ino_t node, const char* name, const char* value, size_t size,
              int flags);
void removexattr(fuse_req_t request, fuse_ino_t node, const char* name);
void link(fuse_req_t request, fuse_ino_t node, fuse_ino_t new_parent, const char* new_name);
void symlink(fuse_req_t request, const char* target, fuse_ino_t parent, const char* name);
// Waits until the server has what was changed before, anywhere in the mount.
void fsyncdir(fuse_req_t request, fuse_ino_t node, int datasync, fuse_file_info* info);

}  // namespace emlfs::fs
