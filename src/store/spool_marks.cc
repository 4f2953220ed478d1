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
#include <sstream>
#include <utility>

#include "emlfs/base/error.h"
#include "emlfs/base/log.h"
#include "emlfs/store/spool.h"

namespace emlfs::store {
namespace {

constexpr mode_t kDraft = 0600;
constexpr mode_t kToBeSent = 0400;
constexpr mode_t kWhole = 0500;
constexpr mode_t kWholeOpening = 0700;  // the same, for the moment in which it is opened
constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

// There is no spool of this user, or none that could be seen.
bool isAbsent(int error_number) {
  return error_number == ENOENT || error_number == ENOTDIR || error_number == EACCES ||
         error_number == ELOOP || error_number == EXDEV;
}

// Calls `each` with the names in a directory. `path` is for the words of an error.
template <class Each>
void forNames(Fd directory, const std::string& path, Each each) {
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(directory.get()), ::closedir);
  if (!entries) throw systemError("listing " + path, errno);
  directory.release();
  for (;;) {
    errno = 0;
    const dirent* const entry = ::readdir(entries.get());
    if (entry == nullptr && errno != 0) throw systemError("listing " + path, errno);
    if (entry == nullptr) return;
    if (entry->d_name[0] != '.') each(::dirfd(entries.get()), std::string(entry->d_name));
  }
}

// The kernel tells it without asking who serves the file system.
std::string mountOf(const Fd& fd) {
  std::istringstream lines(readFile("/proc/self/fdinfo/" + std::to_string(fd.get())));
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("mnt_id:")) return line;
  throw Error(Code::system, Scope::account, "the kernel does not tell what is mounted where");
}

// As openSpool(), where there is no openat2: old kernels, and sandboxes. Symbolic links are passed
// over.
Fd openSpoolByStep(int above, const std::string& account) {
  constexpr int kLook = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  Fd at(::openat(above, ".", kLook));
  const std::string mount = at ? mountOf(at) : "";
  for (const char* name : {account.c_str(), "spool"}) {
    if (!at) return {};
    at = Fd(::openat(at.get(), name, kLook));
    if (at && mountOf(at) != mount) {
      errno = EXDEV;
      return {};
    }
  }
  return at ? Fd(::openat(at.get(), ".", kDirectory)) : Fd();
}

// Nothing that is mounted there is looked into: it may be what we serve ourselves, and its answer
// wait for us.
Fd openSpool(int above, const std::string& account) {
  open_how how{};
  how.flags = kDirectory;
  how.resolve = RESOLVE_NO_XDEV;
  const std::string name = account + "/spool";
  Fd spool(static_cast<int>(::syscall(SYS_openat2, above, name.c_str(), &how, sizeof how)));
  if (spool || (errno != ENOSYS && errno != EPERM)) return spool;
  return openSpoolByStep(above, account);
}

void setMode(const std::string& path, mode_t mode) {
  if (::chmod(path.c_str(), mode) != 0) throw systemError("marking " + path, errno);
}

mode_t modeOf(const std::string& path) {
  struct stat st{};
  if (::stat(path.c_str(), &st) != 0) throw systemError("looking at " + path, errno);
  return st.st_mode & 0777;
}

std::filesystem::path accountOf(const std::string& state_dir) {
  const auto path = std::filesystem::absolute(state_dir).lexically_normal();
  return path.has_filename() ? path : path.parent_path();  // written with a slash at its end
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

OtherSpools::OtherSpools(const std::string& state_dir, std::function<int64_t()> now)
    : directory_(accountOf(state_dir).parent_path()),
      ours_(accountOf(state_dir).filename()),
      now_(std::move(now)) {}

void OtherSpools::look(const Look& each) const {
  Fd directory(::open(directory_.c_str(), kDirectory));
  if (!directory && isAbsent(errno)) return;
  if (!directory) throw systemError("opening " + directory_, errno);
  forNames(std::move(directory), directory_, [&](int above, const std::string& account) {
    if (account == ours_) return;
    const std::string path = directory_ + "/" + account + "/spool";
    Fd spool = openSpool(above, account);
    if (!spool && isAbsent(errno)) return;
    if (!spool) throw systemError("opening " + path, errno);
    forNames(std::move(spool), path, [&](int in, const std::string& name) {
      const File file{in, name, path + "/" + name};
      struct stat st{};
      if (::fstatat(in, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0) {
        if (S_ISREG(st.st_mode) && st.st_size != 0 && willBeSent(st.st_mode)) each(file, st);
      } else if (errno != ENOENT) {
        throw systemError("looking at " + file.path, errno);
      }
    });
  });
}

std::optional<Awaited> OtherSpools::oldest() {
  const MutexLock lock(mutex_);
  auto found = find();
  const std::string why = found ? found->why : "";
  if (!why.empty() && (!last_ || last_->why != why))
    log::warning("deletions wait, since {} may have new messages of other accounts: {}",
                 found->path, why);
  return last_ = std::move(found);
}

std::optional<Awaited> OtherSpools::last() const {
  const MutexLock lock(mutex_);
  return last_;
}

std::optional<Awaited> OtherSpools::find() {
  std::optional<Awaited> oldest;
  const auto consider = [&](Awaited awaited) {
    if (!oldest || awaited.since < oldest->since) oldest = std::move(awaited);
  };
  const std::set<std::string>& before = from_future_;
  std::set<std::string> from_future;
  try {
    look([&](const File& file, const struct stat& st) {
      // A program may have dated it, but not when it was marked.
      if (st.st_ctim.tv_sec > now_() || before.contains(file.path)) {
        from_future.insert(file.path);
        consider({Awaited::kAll, file.path, "the clock was set back after it was written"});
      } else {
        consider({std::min(st.st_mtim.tv_sec, st.st_ctim.tv_sec), file.path});
      }
    });
  } catch (const Error& error) {
    from_future_.merge(from_future);
    return Awaited{Awaited::kAll, directory_, error.what()};
  }
  from_future_ = std::move(from_future);
  return oldest;
}

void OtherSpools::sync() {
  const MutexLock lock(mutex_);
  std::map<std::string, Stamp> synced;
  std::string directory;  // the last that was synced
  look([&](const File& file, const struct stat& st) {
    const Stamp stamp{st.st_ino, st.st_ctim.tv_sec, st.st_ctim.tv_nsec};
    const auto known = synced_.find(file.path);
    if (known == synced_.end() || known->second != stamp) {
      const Fd fd(::openat(file.spool, file.name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
      if (!fd && errno == ENOENT) return;  // it was sent
      const std::string in = file.path.substr(0, file.path.size() - file.name.size());
      if (!fd || ::fdatasync(fd.get()) != 0 || (in != directory && ::fdatasync(file.spool) != 0))
        throw systemError("syncing " + file.path, errno);
      directory = in;
    }
    synced.emplace(file.path, stamp);
  });
  synced_ = std::move(synced);
}

}  // namespace emlfs::store
