#include "app/live_status.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <csignal>
#include <cstring>

#include <array>
#include <cerrno>

#include "app/failure.h"
#include "app/mount_table.h"
#include "app/mounts_in.h"
#include "app/paths.h"
#include "app/source.h"
#include "emlfs/base/file.h"

namespace emlfs::app {
namespace {

constexpr const char* kAttribute = "user.emlfs.status";
constexpr size_t kAttributeMax = 64 * 1024;  // the kernel's XATTR_SIZE_MAX

// In the child: errno, then the value.
[[noreturn]] void ask(const char* mount_point, int out) {
  static std::array<char, kAttributeMax> value;
  const ssize_t size = ::getxattr(mount_point, kAttribute, value.data(), value.size());
  const int error = size < 0 ? errno : 0;
  bool sent = ::write(out, &error, sizeof error) == sizeof error;
  for (ssize_t at = 0; sent && at < size;) {
    const ssize_t written = ::write(out, value.data() + at, static_cast<size_t>(size - at));
    sent = written > 0;
    at += written;
  }
  ::_exit(sent ? 0 : 1);
}

// Everything until the other end closes; absent at the deadline.
std::optional<std::string> readUntilClosed(int fd, const Deadline& deadline) {
  std::string bytes;
  std::array<char, 4096> buffer{};
  for (;;) {
    pollfd wait{fd, POLLIN, 0};
    const int ready = ::poll(&wait, 1, deadline.pollTimeout());
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) throw systemError("poll", errno);
    if (ready == 0) return std::nullopt;
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw systemError("pipe", errno);
    if (got == 0) return bytes;
    bytes.append(buffer.data(), static_cast<size_t>(got));
  }
}

}  // namespace

LiveStatus askMount(const std::string& mount_point, Milliseconds limit) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw systemError("pipe", errno);
  const Fd read_end(ends[0]);
  Fd write_end(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) throw systemError("fork", errno);
  if (child == 0) ask(mount_point.c_str(), write_end.get());
  write_end.reset();
  const auto bytes = readUntilClosed(read_end.get(), Deadline::after(limit));
  // A fatal signal ends a wait for a FUSE daemon, so this wait is short.
  if (!bytes) ::kill(child, SIGKILL);
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  LiveStatus status;
  if (!bytes) return status;
  if (bytes->size() < sizeof status.error_number)
    throw failure(Code::system, fmt::format("{} can't be asked for its status", mount_point));
  ::memcpy(&status.error_number, bytes->data(), sizeof status.error_number);
  status.json = bytes->substr(sizeof status.error_number);
  const int error = status.error_number;
  status.answer = error == 0                                   ? Answer::given
                  : error == ENOTCONN || error == ECONNABORTED ? Answer::dead
                                                               : Answer::refused;
  return status;
}

NamedMount mountAround(const std::string& word) {
  const auto mounts = parseMountInfo(readFile("/proc/self/mountinfo"));
  const auto found = [&](const MountEntry& holding, const std::string& whole) -> NamedMount {
    const bool at = whole == holding.mount_point;
    return {holding.mount_point, at ? word : holding.mount_point, !at};
  };
  // As it is written first: to follow what is in the mount takes a daemon that answers.
  std::optional<NamedMount> written;
  if (word.find("..") == std::string::npos) {
    const std::string whole = absolutePath(word);
    const auto holding = mountHolding(mounts, whole);
    if (holding && holding->fs_type == kFsType) written = found(*holding, whole);
  }
  if (written && !written->inside) return *written;
  if (const auto mount = mountNamed(word)) return {*mount, *mount};
  if (word == kAllAccounts)
    throw badInput("'all' is for umount, status and flush: this command is for one mount");
  if (written) return *written;
  const auto whole = canonicalPath(word);
  if (!whole) throw badInput(whyNoMount(word));
  const auto holding = mountHolding(mounts, *whole);
  if (holding && holding->fs_type == kFsType) return found(*holding, *whole);
  throw badInput(holding && holding->mount_point == *whole
                     ? fmt::format("{} is not a mount point of emlfs: {} is mounted there", word,
                                   holding->fs_type)
                     : fmt::format("{} is not a mount point of emlfs", word));
}

std::string requireEmlfsMount(const std::string& word) {
  const NamedMount mount = mountAround(word);
  if (mount.inside)
    throw badInput(fmt::format("{} is in the mount {}: unmount that", word, mount.mount_point));
  return mount.mount_point;
}

void requireAnswer(const NamedMount& mount) {
  constexpr Milliseconds kPatience{10'000};
  if (askMount(mount.mount_point, kPatience).answer == Answer::silent)
    throw failure(Code::timeout, fmt::format("the emlfs behind {} does not answer", mount.name));
}

}  // namespace emlfs::app
