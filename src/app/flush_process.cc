#include "app/flush_process.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include <cerrno>

#include "emlfs/base/error.h"

namespace emlfs::app {
namespace {

// In the child.
[[noreturn]] void flush(const char* mount_point, int out) {
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const int root = ::open(mount_point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const int error = root >= 0 && ::fsync(root) == 0 ? 0 : errno;
  const bool told = ::write(out, &error, sizeof error) == sizeof error;
  ::_exit(told ? 0 : 1);
}

}  // namespace

FlushProcess::FlushProcess(const std::string& mount_point) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw systemError("pipe", errno);
  result_ = Fd(ends[0]);
  const Fd write_end(ends[1]);
  process_ = ::fork();
  if (process_ < 0) throw systemError("fork", errno);
  if (process_ == 0) flush(mount_point.c_str(), write_end.get());
}

FlushProcess::~FlushProcess() {
  if (process_ < 0) return;
  ::kill(process_, SIGKILL);
  while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

int FlushProcess::result() {
  int error = ECANCELED;
  while (::read(result_.get(), &error, sizeof error) < 0 && errno == EINTR) {
  }
  return error;
}

}  // namespace emlfs::app
