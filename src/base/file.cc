#include "emlfs/base/file.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>

#include "emlfs/base/error.h"

namespace emlfs {

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = other.release();
  }
  return *this;
}

void Fd::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Event::Event() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!fd_) throw systemError("eventfd", errno);
}

void Event::signal() noexcept {
  const uint64_t one = 1;
  // Fails only when the counter is full: then it is signalled already.
  [[maybe_unused]] const auto written = ::write(fd_.get(), &one, sizeof one);
}

bool Event::clear() noexcept {
  uint64_t count = 0;
  return ::read(fd_.get(), &count, sizeof count) == sizeof count;
}

void makePrivateDirectory(const std::string& path) {
  std::error_code failure;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), failure);
  if (failure) throw systemError("can't create the directory for " + path, failure.value());
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    throw systemError("can't create " + path, errno);
  struct stat st{};
  if (::stat(path.c_str(), &st) != 0) throw systemError(path, errno);
  if (!S_ISDIR(st.st_mode)) throw systemError(path, ENOTDIR);
  if ((st.st_mode & 077) != 0 && ::chmod(path.c_str(), 0700) != 0)
    throw systemError("can't make " + path + " private", errno);
}

std::string readFile(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) throw systemError(path, errno);
  std::string content;
  std::array<char, 16384> buffer{};
  for (;;) {
    const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw systemError(path, errno);
    if (got == 0) return content;
    content.append(buffer.data(), static_cast<size_t>(got));
  }
}

Fd tryLock(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) throw systemError(path, errno);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno != EWOULDBLOCK) throw systemError("can't lock " + path, errno);
  return Fd();
}

}  // namespace emlfs
