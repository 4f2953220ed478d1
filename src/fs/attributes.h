// stat(2) of mailboxes and messages.
#pragma once

#include <sys/stat.h>

#include "fs/context.h"

namespace emlfs::fs {

struct stat attributes(const store::MailboxRecord& mailbox, const MountOptions& options);
struct stat attributes(const store::MessageRecord& message, const MountOptions& options);

// What LOOKUP and READDIRPLUS answer.
fuse_entry_param entry(const store::MailboxRecord& mailbox, const MountOptions& options);
fuse_entry_param entry(const store::MessageRecord& message, const MountOptions& options);

void getattr(fuse_req_t request, fuse_ino_t node, fuse_file_info* info);
void statfs(fuse_req_t request, fuse_ino_t node);

}  // namespace emlfs::fs
