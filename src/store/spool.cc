#include "emlfs/store/spool.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "emlfs/base/error.h"
#include "emlfs/base/fail_point.h"
#include "store/aside.h"

namespace emlfs::store {
namespace {

constexpr int kReadWrite = O_RDWR | O_CLOEXEC | O_NOFOLLOW;

}  // namespace

Spool::Spool(const std::string& state_dir) : directory_(state_dir + "/spool") {
  makePrivateDirectory(state_dir);
  makePrivateDirectory(directory_);
  directory_fd_ = Fd(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory_fd_) throw systemError("opening " + directory_, errno);
  const Fd above(::open(state_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!above || ::fsync(above.get()) != 0) throw systemError("syncing " + state_dir, errno);
  for (const auto& entry : std::filesystem::directory_iterator(directory_))
    if (const std::string name = entry.path().filename(); name.starts_with('.'))
      removeFile(directory_ + "/" + name);
}

std::string Spool::path(const std::string& name) const {
  if (name.empty() || name.starts_with('.') || name.find('/') != std::string::npos)
    throw Error(Code::invalid, Scope::message, "not the name of a spool file");
  return directory_ + "/" + name;
}

void Spool::syncDirectory() const {
  if (::fsync(directory_fd_.get()) != 0) throw systemError("syncing " + directory_, errno);
}

SpoolFile Spool::create(MessageId id) const {
  for (unsigned version = 1;; ++version) {
    std::string name = version == 1 ? fmt::format("{}.eml", id.value)
                                    : fmt::format("{}-{}.eml", id.value, version);
    Fd fd(::open(path(name).c_str(), kReadWrite | O_CREAT | O_EXCL, 0600));
    if (fd) {
      failPoint("spool: created");
      return {std::move(name), std::move(fd)};
    }
    if (errno != EEXIST) throw systemError("creating " + path(name), errno);
  }
}

std::optional<Fd> Spool::read(const std::string& name) const {
  Fd fd(::open(path(name).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (fd) return fd;
  if (errno == ENOENT) return std::nullopt;
  throw systemError("opening " + path(name), errno);
}

void Spool::sync(int fd) const {
  if (::fsync(fd) != 0) throw systemError("syncing a file of " + directory_, errno);
  failPoint("spool: file synced");
  syncDirectory();
  failPoint("spool: synced");
}

void Spool::rename(const std::string& from, const std::string& to) const {
  if (::renameat2(AT_FDCWD, path(from).c_str(), AT_FDCWD, path(to).c_str(), RENAME_NOREPLACE) != 0)
    throw systemError("renaming " + path(from) + " to " + to, errno);
  failPoint("spool: renamed");
  syncDirectory();
}

void Spool::remove(const std::string& name) const {
  failPoint("spool: before a removal");
  removeFile(path(name));
  failPoint("spool: removed");
}

std::vector<std::string> Spool::list() const {
  std::vector<std::string> names;
  std::error_code failure;
  std::filesystem::directory_iterator entry(directory_, failure);
  for (const std::filesystem::directory_iterator end; !failure && entry != end;
       entry.increment(failure))
    if (std::string name = entry->path().filename(); !name.starts_with('.'))
      names.push_back(std::move(name));
  if (failure) throw systemError("listing " + directory_, failure.value());
  std::ranges::sort(names);
  return names;
}

void writeAt(int fd, std::string_view bytes, uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t some = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (some < 0 && errno == EINTR) continue;
    if (some < 0) throw systemError("writing a new message", errno);
    bytes.remove_prefix(static_cast<size_t>(some));
    offset += static_cast<uint64_t>(some);
  }
}

size_t readAt(int fd, std::span<char> into, uint64_t offset) {
  size_t got = 0;
  while (got < into.size()) {
    const ssize_t some =
        ::pread(fd, into.data() + got, into.size() - got, static_cast<off_t>(offset + got));
    if (some < 0 && errno == EINTR) continue;
    if (some < 0) throw systemError("reading a new message", errno);
    if (some == 0) break;
    got += static_cast<size_t>(some);
  }
  return got;
}

void truncate(int fd, uint64_t size) {
  if (::ftruncate(fd, static_cast<off_t>(size)) != 0)
    throw systemError("setting the size of a new message", errno);
}

namespace {

struct stat statOf(int fd) {
  struct stat file{};
  if (::fstat(fd, &file) != 0) throw systemError("looking at a new message", errno);
  return file;
}

}  // namespace

uint64_t fileSize(int fd) {
  return static_cast<uint64_t>(statOf(fd).st_size);
}

int64_t lastWrite(int fd) {
  return statOf(fd).st_mtim.tv_sec;
}

void setLastWrite(int fd, int64_t seconds) {
  const std::array<timespec, 2> times{timespec{0, UTIME_OMIT}, timespec{seconds, 0}};
  if (::futimens(fd, times.data()) != 0) throw systemError("dating a new message", errno);
}

}  // namespace emlfs::store
