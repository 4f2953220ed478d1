#include "fs/read.h"

#include <fcntl.h>
#include <sys/uio.h>

#include <vector>

#include "fs/errno.h"
#include "fs/waiting.h"

namespace emlfs::fs {

void read(fuse_req_t request, fuse_ino_t node, size_t size, off_t offset, fuse_file_info* info) {
  if (isDirectory(node)) {
    fuse_reply_err(request, EISDIR);
    return;
  }
  auto& account = contextOf(request).account;
  // A read into the page cache is left by whom a signal ends, and goes on for the others. One past
  // it keeps even a killed process until it is answered.
  WaitId wait = 0;
  if ((info->flags & O_DIRECT) != 0) {
    wait = account.newRead();
    cancelWhenInterrupted(request, wait);
  }
  account.read(
      wait, MessageId{node}, static_cast<uint64_t>(offset), static_cast<uint32_t>(size),
      [request](const std::optional<Error>& error, const std::vector<std::string_view>& bytes) {
        if (error) {
          fuse_reply_err(request, toErrno(*error));
          return;
        }
        std::vector<iovec> parts;
        parts.reserve(bytes.size());
        for (const auto part : bytes)
          parts.push_back({const_cast<char*>(part.data()), part.size()});
        fuse_reply_iov(request, parts.data(), static_cast<int>(parts.size()));
      });
}

}  // namespace emlfs::fs
