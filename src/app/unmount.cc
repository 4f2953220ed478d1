#include "app/unmount.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>

#include "app/failure.h"
#include "app/mount_table.h"
#include "app/process.h"
#include "app/secret_command.h"
#include "emlfs/base/file.h"

namespace emlfs::app {
namespace {

constexpr Milliseconds kLimit{30'000};

Error inUse(const std::string& mount_point) {
  return failure(Code::busy,
                 fmt::format("{0} is in use: leave it and end what has files open there "
                             "('fuser -vm {0}' lists it), then try again",
                             mount_point));
}

void unmountAsRoot(const std::string& mount_point, Detach how) {
  // This aborts the connection, as the control file does, and then unmounts or not.
  if (how == Detach::lazy && ::umount2(mount_point.c_str(), UMOUNT_NOFOLLOW | MNT_FORCE) == 0)
    return;
  const int flags = UMOUNT_NOFOLLOW | (how == Detach::lazy ? MNT_DETACH : 0);
  if (::umount2(mount_point.c_str(), flags) == 0) return;
  if (errno == EBUSY) throw inUse(mount_point);
  throw MountError(systemError("can't unmount " + mount_point, errno).what());
}

void unmountAsUser(const std::string& mount_point, Detach how) {
  const Finished finished =
      run({"fusermount3", how == Detach::lazy ? "-uz" : "-u", "--", mount_point}, kLimit,
          Capture::standard_error);
  if (finished.succeeded()) return;
  const std::string words(firstLine(finished.output.reveal()).reveal());
  if (words.find("busy") != std::string::npos) throw inUse(mount_point);
  // fusermount3 keeps no record of whose a mount is but the kernel's, and words it like this.
  if (words.find("not found in /etc/mtab") != std::string::npos)
    throw MountError(
        fmt::format("can't unmount {}: only root and who mounted it can do that", mount_point));
  throw MountError(fmt::format("can't unmount {}: {}", mount_point,
                               words.empty() ? describeStatus(finished.status) : words));
}

// Whoever still waits for a daemon that is dead, or as good as dead, is let go: otherwise the
// daemon itself may wait in the kernel for one that waits for it, and neither can be killed. Where
// the control file system isn't mounted, as in containers, only root can do it, with MNT_FORCE.
void abortConnection(const std::string& mount_point) {
  const auto number = connectionNumber(mount_point);
  if (!number) return;
  const Fd control(
      ::open(("/sys/fs/fuse/connections/" + *number + "/abort").c_str(), O_WRONLY | O_CLOEXEC));
  if (control) [[maybe_unused]]
    const auto written = ::write(control.get(), "1", 1);
}

}  // namespace

void unmount(const std::string& mount_point, Detach how) {
  if (how == Detach::lazy) abortConnection(mount_point);
  if (::geteuid() == 0)
    unmountAsRoot(mount_point, how);
  else
    unmountAsUser(mount_point, how);
}

}  // namespace emlfs::app
