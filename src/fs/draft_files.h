// CREATE, MKNOD, WRITE, SETATTR, FSYNC: files that are being written, and what the same operations
// do with messages, which can't be changed.
#pragma once

#include "fs/context.h"

namespace emlfs::fs {

void create(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode,
            fuse_file_info* info);
void mknod(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode, dev_t device);
void write(fuse_req_t request, fuse_ino_t node, const char* bytes, size_t size, off_t offset,
           fuse_file_info* info);
void setattr(fuse_req_t request, fuse_ino_t node, struct stat* wanted, int which,
             fuse_file_info* info);
void fsync(fuse_req_t request, fuse_ino_t node, int datasync, fuse_file_info* info);

}  // namespace emlfs::fs
