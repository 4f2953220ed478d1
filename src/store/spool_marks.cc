// What a spool says to other mounts: which of its files will be sent.
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>

#include "emlfs/base/error.h"
#include "emlfs/store/spool.h"

namespace emlfs::store {
namespace {

constexpr mode_t kDraft = 0600;
constexpr mode_t kToBeSent = 0400;
constexpr mode_t kWhole = 0500;
constexpr mode_t kWholeOpening = 0700;  // the same, for the moment in which it is opened
constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

// Calls `each` with the names in a directory, as far as it can be read. `directory` is used up.
template <class Each>
void forNames(Fd directory, Each each) {
  if (!directory) return;
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(directory.get()), ::closedir);
  if (!entries) return;
  directory.release();
  while (const dirent* entry = ::readdir(entries.get()))
    if (entry->d_name[0] != '.') each(::dirfd(entries.get()), std::string(entry->d_name));
}

// Nothing that is mounted there is looked into: it may be what we serve ourselves, and its answer
// wait for us.
Fd openBelow(int directory, const std::string& name) {
  open_how how{};
  how.flags = kDirectory;
  how.resolve = RESOLVE_NO_XDEV;
  return Fd(static_cast<int>(::syscall(SYS_openat2, directory, name.c_str(), &how, sizeof how)));
}

void setMode(const std::string& path, mode_t mode) {
  if (::chmod(path.c_str(), mode) != 0) throw systemError("marking " + path, errno);
}

mode_t modeOf(const std::string& path) {
  struct stat st{};
  if (::stat(path.c_str(), &st) != 0) throw systemError("looking at " + path, errno);
  return st.st_mode & 0777;
}

bool willBeSent(mode_t mode) {
  return (mode & kDraft) == kToBeSent || (mode & 0777) == kWholeOpening;
}

}  // namespace

void Spool::mark(const std::string& name, bool to_be_sent) const {
  setMode(path(name), to_be_sent ? kToBeSent : kDraft);
}

void Spool::markWhole(const std::string& name) const {
  setMode(path(name), kWhole);
}

bool Spool::isWhole(const std::string& name) const {
  const mode_t mode = modeOf(path(name));
  return mode == kWhole || mode == kWholeOpening;
}

// To write to what is read-only takes another mode, in which it still counts.
Fd Spool::open(const std::string& name) const {
  const std::string file = path(name);
  const mode_t mode = modeOf(file);
  setMode(file, mode | S_IWUSR);
  Fd fd(::open(file.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  const int failure = errno;
  setMode(file, mode == kWholeOpening ? kWhole : mode);
  if (!fd) throw systemError("opening " + file, failure);
  return fd;
}

std::optional<int64_t> oldestToBeSent(const std::string& state_dir) {
  std::optional<int64_t> oldest;
  const auto take = [&](int directory, const std::string& name) {
    struct stat st{};
    if (::fstatat(directory, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) return;
    if (!S_ISREG(st.st_mode) || st.st_size == 0 || !willBeSent(st.st_mode)) return;
    // A program may have dated it, also in the future.
    const int64_t written = std::min(st.st_mtim.tv_sec, st.st_ctim.tv_sec);
    oldest = std::min(oldest.value_or(written), written);
  };
  auto ours = std::filesystem::path(state_dir).lexically_normal();
  if (!ours.has_filename()) ours = ours.parent_path();  // it was written with a slash at its end
  forNames(Fd(::open(ours.parent_path().c_str(), kDirectory)),
           [&](int directory, const std::string& account) {
             if (account != ours.filename())
               forNames(openBelow(directory, account + "/spool"), take);
           });
  return oldest;
}

}  // namespace emlfs::store
