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
#include <optional>

#include "app/failure.h"
#include "app/terminal_turn.h"

namespace emlfs::app {
namespace {

constexpr size_t kOutputMax = 64 * 1024;

// A started program: killed, with all of its process group, and reaped unless it was waited for.
class Child {
 public:
  Child(pid_t pid, Group group) : pid_(pid), group_(group) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ <= 0) return;
    ::kill(group_ == Group::own ? -pid_ : pid_, SIGKILL);
    reap();
  }

  pid_t pid() const { return pid_; }

  int reap() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
    return status;
  }

 private:
  pid_t pid_;
  const Group group_;
};

struct Pipe {
  Fd read;
  Fd write;
};

Pipe makePipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw systemError("pipe", errno);
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return {Fd(ends[0]), Fd(ends[1])};
}

// Lends the terminal, if it is ours, to the process group of a program, as a shell does: only so
// may that read from it.
class Terminal {
 public:
  Terminal() : tty_(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)) {
    // Who waits for a person there must not hold up the commands of other accounts.
    if (tty_ && !turn_.emplace(TerminalTurn::Wait::no).mine()) tty_.reset();
    if (tty_ && ::tcgetpgrp(tty_.get()) != ::getpgrp()) tty_.reset();
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() {
    if (!tty_) return;
    // Who takes it back is in the background until he has it.
    sigset_t output, before;
    ::sigemptyset(&output);
    ::sigaddset(&output, SIGTTOU);
    ::pthread_sigmask(SIG_BLOCK, &output, &before);
    ::tcsetpgrp(tty_.get(), ::getpgrp());
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  int fd() const { return tty_.get(); }  // -1: it is not ours

 private:
  std::optional<TerminalTurn> turn_;
  Fd tty_;
};

// The streams of a program that aren't ours, -1: it is.
struct Streams {
  int output = -1;
  int error = -1;
};

pid_t spawn(const std::vector<std::string>& argv, const Streams& streams, int terminal,
            Group group) {
  std::vector<char*> arguments;
  arguments.reserve(argv.size() + 1);
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  if (terminal >= 0) ::posix_spawn_file_actions_addtcsetpgrp_np(&actions, terminal);
  if (streams.output >= 0)
    ::posix_spawn_file_actions_adddup2(&actions, streams.output, STDOUT_FILENO);
  if (streams.error >= 0)
    ::posix_spawn_file_actions_adddup2(&actions, streams.error, STDERR_FILENO);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  // We may ignore SIGPIPE and have signals blocked; programs don't expect that.
  sigset_t defaults, blocked;
  ::sigemptyset(&defaults);
  ::sigaddset(&defaults, SIGPIPE);
  ::sigemptyset(&blocked);
  ::posix_spawnattr_setsigdefault(&attributes, &defaults);
  ::posix_spawnattr_setsigmask(&attributes, &blocked);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  const int own_group = group == Group::own ? POSIX_SPAWN_SETPGROUP : 0;
  ::posix_spawnattr_setflags(
      &attributes, static_cast<short>(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | own_group));

  pid_t pid = 0;
  const int error =
      ::posix_spawnp(&pid, arguments[0], &actions, &attributes, arguments.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw systemError("can't run " + argv[0], error);
  return pid;
}

// Of what is there to read, so much at a time: who writes without end must not keep us from all
// else.
constexpr int kMostReads = 16;

// Appends what is there to read; what is too much is dropped, or an error. False at the end.
// Doesn't wait.
bool drain(int fd, std::string& output, bool drop) {
  std::array<char, 4096> buffer{};
  for (int i = 0; i < kMostReads; ++i) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return true;
    if (got < 0) throw systemError("pipe", errno);
    if (got == 0) return false;
    const auto size = static_cast<size_t>(got);
    const bool fits = output.size() + size <= kOutputMax;
    if (fits) output.append(buffer.data(), size);
    ::explicit_bzero(buffer.data(), size);
    if (!fits && !drop) throw failure(Code::limit, "more than 64 KiB of output");
  }
  return true;
}

// Passes on what is there to read, and keeps the end of it. The same.
bool passOn(int fd, std::string& end) {
  constexpr size_t kMost = 4096;
  std::array<char, 4096> buffer{};
  for (int i = 0; i < kMostReads; ++i) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return true;
    if (got <= 0) return false;
    end.append(buffer.data(), static_cast<size_t>(got));
    if (end.size() > kMost) end.erase(0, end.size() - kMost);
    // Where nobody reads it, nothing is lost but that.
    while (::write(STDERR_FILENO, buffer.data(), static_cast<size_t>(got)) < 0 && errno == EINTR) {
    }
  }
  return true;
}

struct Wiped {
  std::string text;
  ~Wiped() { wipe(text); }
};

}  // namespace

Finished run(const std::vector<std::string>& argv, Milliseconds limit, Capture capture,
             const Event* interrupt, Group group) {
  const bool of_user = capture == Capture::standard_output;
  Pipe pipe = makePipe();
  Pipe complaints;
  if (of_user && ::isatty(STDERR_FILENO) == 0) complaints = makePipe();
  const Streams streams = of_user ? Streams{pipe.write.get(), complaints.write.get()}
                                  : Streams{.error = pipe.write.get()};
  std::optional<Terminal> terminal;
  if (of_user) terminal.emplace();
  Child child(spawn(argv, streams, terminal ? terminal->fd() : -1, group), group);
  pipe.write.reset();
  complaints.write.reset();
  const Fd process = openProcess(child.pid());

  const Deadline deadline = Deadline::after(limit);
  Finished finished;
  Wiped output;
  output.text.reserve(kOutputMax);  // never reallocated: no copy of a password is left behind
  for (;;) {
    pollfd waits[] = {{process.get(), POLLIN, 0},
                      {pipe.read.get(), POLLIN, 0},
                      {complaints.read.get(), POLLIN, 0},
                      {interrupt ? interrupt->fd() : -1, POLLIN, 0}};
    const int ready = ::poll(waits, std::size(waits), deadline.pollTimeout());
    if (ready < 0 && errno != EINTR) throw systemError("poll", errno);
    const bool ended = ready > 0 && waits[0].revents != 0;
    if (!ended && deadline.passed())
      throw failure(Code::timeout,
                    fmt::format("{} ran for more than {} s", argv[0],
                                std::chrono::ceil<std::chrono::seconds>(limit).count()));
    if (ready > 0 && waits[3].revents != 0)
      throw Error(Code::cancelled, Scope::connection, argv[0] + " was interrupted");
    // Once it has ended, what was written before that is there.
    if (pipe.read && !drain(pipe.read.get(), output.text, !of_user)) pipe.read.reset();
    if (complaints.read && !passOn(complaints.read.get(), finished.complaint))
      complaints.read.reset();
    if (ended) break;
  }
  finished.status = child.reap();
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
