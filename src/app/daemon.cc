#include "app/daemon.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdio>

#include <array>
#include <cerrno>
#include <string_view>

#include "app/exit_code.h"
#include "app/failure.h"
#include "app/process.h"
#include "emlfs/base/file.h"
#include "emlfs/base/log.h"

namespace emlfs::app {
namespace {

// The child's whole message, ended by its closing the pipe: kReady and the notice, or kFailed, an
// exit code as one byte and the line of its error.
constexpr char kReady = 'R';
constexpr char kFailed = 'E';

void writeAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return;  // the parent is gone: nobody to tell
    bytes.remove_prefix(static_cast<size_t>(written));
  }
}

std::string readAll(int fd) {
  std::string message;
  std::array<char, 1024> buffer{};
  for (;;) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return message;
    message.append(buffer.data(), static_cast<size_t>(got));
  }
}

void leaveTerminal() {
  if (::setsid() < 0) throw systemError("setsid", errno);
  if (::chdir("/") != 0) throw systemError("chdir /", errno);
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) throw systemError("/dev/null", errno);
  for (int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::dup2(null.get(), stream) < 0) throw systemError("/dev/null", errno);
}

int beChild(Fd report, const std::function<int(const Ready&)>& work) {
  // A parent that is killed before the mount works takes the child with it.
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  const auto ready = [&](const std::string& notice) {
    if (!report) return;
    ::prctl(PR_SET_PDEATHSIG, 0);
    leaveTerminal();
    writeAll(report.get(), kReady + notice);
    report.reset();
  };
  try {
    const int code = work(ready);
    // An end without an error and without ready() is the parent's to report: the pipe closes.
    return code;
  } catch (const std::exception& error) {
    const auto code = static_cast<int>(exitCodeOf(error));
    if (report)
      writeAll(report.get(), std::string{kFailed, static_cast<char>(code)} + errorLine(error));
    else
      log::error("{}", errorLine(error));
    return code;
  }
}

int beParent(pid_t child, const Fd& report) {
  const std::string message = readAll(report.get());
  if (message.starts_with(kReady)) {
    if (message.size() > 1) ::fprintf(stderr, "emlfs: %s\n", message.c_str() + 1);
    return 0;
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (message.size() >= 2 && message[0] == kFailed) {
    ::fprintf(stderr, "emlfs: %s\n", message.c_str() + 2);
    return static_cast<unsigned char>(message[1]);
  }
  ::fprintf(stderr, "emlfs: the daemon ended before the mount worked: %s\n",
            describeStatus(status).c_str());
  return static_cast<int>(ExitCode::other);
}

}  // namespace

int runInBackground(const std::function<int(const Ready& ready)>& work) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw systemError("pipe", errno);
  Fd read_end(ends[0]);
  Fd write_end(ends[1]);
  ::fflush(nullptr);  // or both would print what is buffered
  const pid_t child = ::fork();
  if (child < 0) throw systemError("fork", errno);
  if (child == 0) {
    read_end.reset();
    return beChild(std::move(write_end), work);
  }
  write_end.reset();
  return beParent(child, read_end);
}

}  // namespace emlfs::app
