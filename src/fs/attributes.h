// stat(2) of mailboxes and messages.
#pragma once

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <optional>

#include "fs/context.h"

namespace emlfs::fs {

struct stat attributes(const store::MailboxRecord& mailbox, const MountOptions& options);
struct stat attributes(const store::MessageRecord& message, const MountOptions& options);

// What LOOKUP and READDIRPLUS answer.
fuse_entry_param entry(const store::MailboxRecord& mailbox, const MountOptions& options);
fuse_entry_param entry(const store::MessageRecord& message, const MountOptions& options);

// What `df` shows; without a limit no size and nothing free, which programs take for not known.
struct statvfs room(const std::optional<imap::Quota>& quota);

void getattr(fuse_req_t request, fuse_ino_t node, fuse_file_info* info);
void statfs(fuse_req_t request, fuse_ino_t node);

}  // namespace emlfs::fs
