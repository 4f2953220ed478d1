// What a spool says to other mounts: which of its files will be sent.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "emlfs/base/error.h"
#include "emlfs/store/spool.h"

namespace emlfs::store {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kDraft = 0600;
constexpr mode_t kToBeSent = 0400;

// Calls `each` with what is in the directory, as far as it can be read.
template <class Each>
void forEntries(const fs::path& directory, Each each) {
  std::error_code failure;
  fs::directory_iterator entry(directory, failure);
  for (const fs::directory_iterator end; !failure && entry != end; entry.increment(failure))
    each(entry->path());
}

}  // namespace

void Spool::mark(const std::string& name, bool to_be_sent) const {
  if (::chmod(path(name).c_str(), to_be_sent ? kToBeSent : kDraft) != 0)
    throw systemError("marking " + path(name), errno);
}

std::optional<int64_t> oldestToBeSent(const std::string& state_dir) {
  std::optional<int64_t> oldest;
  forEntries(fs::path(state_dir).lexically_normal().parent_path(), [&](const fs::path& account) {
    forEntries(account / "spool", [&](const fs::path& file) {
      struct stat st{};
      if (::lstat(file.c_str(), &st) != 0 || !S_ISREG(st.st_mode)) return;
      if (file.filename().string().starts_with('.') || st.st_size == 0) return;
      if ((st.st_mode & 0777) != kToBeSent) return;
      oldest = std::min(oldest.value_or(st.st_mtim.tv_sec), int64_t{st.st_mtim.tv_sec});
    });
  });
  return oldest;
}

}  // namespace emlfs::store
