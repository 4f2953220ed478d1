#include "app/terminal_turn.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "emlfs/base/error.h"

namespace emlfs::app {
namespace {

// A file of the first process, without a name that somebody else could lock.
constexpr const char* kVariable = "EMLFS_TERMINAL_TURN";

}  // namespace

void shareTerminal() {
  static const Fd file(::memfd_create("emlfs terminal", MFD_CLOEXEC));
  if (!file) throw systemError("memfd_create", errno);
  ::setenv(kVariable, fmt::format("/proc/{}/fd/{}", ::getpid(), file.get()).c_str(), 1);
}

TerminalTurn::TerminalTurn(Wait wait) {
  const char* path = std::getenv(kVariable);
  if (path == nullptr) return;
  lock_ = Fd(::open(path, O_RDWR | O_CLOEXEC));
  // Its process has ended: nobody else is there.
  if (!lock_) return;
  const int how = wait == Wait::no ? LOCK_EX | LOCK_NB : LOCK_EX;
  int result = -1;
  while ((result = ::flock(lock_.get(), how)) != 0 && errno == EINTR) {
  }
  mine_ = result == 0;
}

}  // namespace emlfs::app
