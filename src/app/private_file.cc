#include "app/private_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "app/failure.h"
#include "emlfs/base/file.h"

namespace emlfs::app {
namespace {

constexpr size_t kMax = 64 * 1024;

Fd openForReading(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd && errno != ENOENT && errno != ENOTDIR)
    throw badInput(systemError("can't read " + path, errno).what());
  return fd;
}

Secret readAll(const Fd& fd, const std::string& path) {
  std::string content;
  content.resize(kMax + 1);
  size_t size = 0;
  while (size < content.size()) {
    const ssize_t got = ::read(fd.get(), content.data() + size, content.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const int error = errno;
      wipe(content);
      throw badInput(systemError("can't read " + path, error).what());
    }
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  if (size > kMax) {
    wipe(content);
    throw badInput(fmt::format("{} is larger than 64 KiB", path));
  }
  content.resize(size);
  return Secret(std::move(content));
}

void requirePrivate(const Fd& fd, const std::string& path, const std::string& what) {
  struct stat st{};
  if (::fstat(fd.get(), &st) != 0) throw systemError(path, errno);
  if (!S_ISREG(st.st_mode) || (st.st_mode & 077) == 0) return;
  const std::string named = what == path ? path : what + " " + path;
  throw badInput(fmt::format("{} is open to other users: chmod 600 {}", named, path));
}

}  // namespace

std::optional<Secret> readSecretFile(const std::string& path) {
  const Fd fd = openForReading(path);
  if (!fd) return std::nullopt;
  return readAll(fd, path);
}

void requirePrivate(const std::string& path, const std::string& what) {
  const Fd fd = openForReading(path);
  if (fd) requirePrivate(fd, path, what);
}

std::optional<Secret> readPrivateFile(const std::string& path, const std::string& what) {
  const Fd fd = openForReading(path);
  if (!fd) return std::nullopt;
  requirePrivate(fd, path, what);
  return readAll(fd, path);
}

std::optional<OwnFile> readOwnFile(const std::string& path) {
  struct stat st{};
  // To open a pipe would wait for who writes into it.
  if (::stat(path.c_str(), &st) == 0 && S_ISFIFO(st.st_mode))
    throw badInput(fmt::format("{} is a pipe, not a file", path));
  const Fd fd = openForReading(path);
  if (!fd) return std::nullopt;
  if (::fstat(fd.get(), &st) != 0) throw systemError(path, errno);
  if (st.st_uid != ::geteuid() && st.st_uid != 0)
    throw badInput(fmt::format(
        "{} belongs to another user, and emlfs runs what it says: copy it, or chown it", path));
  if (S_ISREG(st.st_mode) && (st.st_mode & 022) != 0)
    throw badInput(fmt::format(
        "{0} can be changed by other users, and emlfs runs what it says: chmod go-w {0}", path));
  return OwnFile{readAll(fd, path), (st.st_mode & 077) != 0};
}

}  // namespace emlfs::app
