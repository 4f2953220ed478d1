#include "app/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstring>

#include <array>
#include <cerrno>
#include <fstream>

#include "app/failure.h"

namespace emlfs::app {
namespace {

constexpr size_t kOutputMax = 64 * 1024;

// A started program: killed and reaped unless it was waited for.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    reap();
  }

  int reap() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
    return status;
  }

 private:
  pid_t pid_;
};

struct Pipe {
  Fd read;
  Fd write;
};

Pipe makePipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw systemError("pipe", errno);
  return {Fd(ends[0]), Fd(ends[1])};
}

pid_t spawn(const std::vector<std::string>& argv, int output, int stream) {
  std::vector<char*> arguments;
  arguments.reserve(argv.size() + 1);
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, output, stream);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  // We may ignore SIGPIPE and have signals blocked; programs don't expect that.
  sigset_t defaults, blocked;
  ::sigemptyset(&defaults);
  ::sigaddset(&defaults, SIGPIPE);
  ::sigemptyset(&blocked);
  ::posix_spawnattr_setsigdefault(&attributes, &defaults);
  ::posix_spawnattr_setsigmask(&attributes, &blocked);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);

  pid_t pid = 0;
  const int error =
      ::posix_spawnp(&pid, arguments[0], &actions, &attributes, arguments.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw systemError("can't run " + argv[0], error);
  return pid;
}

// Appends what is there to read. False at the end. Doesn't wait.
bool drain(int fd, std::string& output) {
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return true;
    if (got < 0) throw systemError("pipe", errno);
    if (got == 0) return false;
    const auto size = static_cast<size_t>(got);
    const bool fits = output.size() + size <= kOutputMax;
    if (fits) output.append(buffer.data(), size);
    ::explicit_bzero(buffer.data(), size);
    if (!fits) throw failure(Code::limit, "more than 64 KiB of output");
  }
}

struct Wiped {
  std::string text;
  ~Wiped() { wipe(text); }
};

}  // namespace

Finished run(const std::vector<std::string>& argv, Milliseconds limit, Capture capture) {
  Pipe pipe = makePipe();
  ::fcntl(pipe.read.get(), F_SETFL, O_NONBLOCK);
  const int stream = capture == Capture::standard_output ? STDOUT_FILENO : STDERR_FILENO;
  const pid_t pid = spawn(argv, pipe.write.get(), stream);
  Child child(pid);
  pipe.write.reset();
  const Fd process = openProcess(pid);

  const Deadline deadline = Deadline::after(limit);
  Wiped output;
  output.text.reserve(kOutputMax);  // never reallocated: no copy of a password is left behind
  bool open = true;
  for (;;) {
    pollfd waits[] = {{process.get(), POLLIN, 0}, {open ? pipe.read.get() : -1, POLLIN, 0}};
    const int ready = ::poll(waits, 2, deadline.pollTimeout());
    if (ready < 0 && errno != EINTR) throw systemError("poll", errno);
    if (ready == 0)
      throw failure(Code::timeout,
                    fmt::format("{} ran for more than {} s", argv[0],
                                std::chrono::ceil<std::chrono::seconds>(limit).count()));
    if (open) open = drain(pipe.read.get(), output.text);
    if (ready > 0 && waits[0].revents != 0) break;
  }
  Finished finished;
  finished.status = child.reap();
  // What was written between the last look and the end.
  if (open) drain(pipe.read.get(), output.text);
  finished.output = Secret(std::move(output.text));
  return finished;
}

std::string describeStatus(int status) {
  if (WIFEXITED(status)) return fmt::format("exit status {}", WEXITSTATUS(status));
  return fmt::format("signal {} ({})", WTERMSIG(status), ::strsignal(WTERMSIG(status)));
}

Fd openProcess(pid_t pid) {
  // glibc 2.36 declares pidfd_open without extern "C", so that C++ can't link it.
  const auto fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0 && errno != ESRCH) throw systemError(fmt::format("process {}", pid), errno);
  return Fd(fd);
}

std::string programName(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/comm", pid));
  std::string name;
  std::getline(file, name);
  return name;
}

void sendSignal(const Fd& process, int number) {
  ::syscall(SYS_pidfd_send_signal, process.get(), number, nullptr, 0);
}

bool waitForEnd(const Fd& process, const Deadline& deadline) {
  for (;;) {
    pollfd wait{process.get(), POLLIN, 0};
    const int ready = ::poll(&wait, 1, deadline.pollTimeout());
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) throw systemError("poll", errno);
  }
}

}  // namespace emlfs::app
