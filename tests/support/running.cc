#include "support/running.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <sstream>

#include "emlfs/base/error.h"
#include "support/process.h"

namespace emlfs::test {

Running::Running(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (const int target : {0, 1, 2})
    posix_spawn_file_actions_addopen(&actions, target, "/dev/null",
                                     target == 0 ? O_RDONLY : O_WRONLY, 0);
  // What a shell would give it: a job in the background of a script has SIGINT ignored.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t signals;
  sigemptyset(&signals);
  posix_spawnattr_setsigmask(&attributes, &signals);
  for (const int number : {SIGINT, SIGTERM}) sigaddset(&signals, number);
  posix_spawnattr_setsigdefault(&attributes, &signals);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  const int error = [&] {
    const std::unique_lock alone(heldOpen());
    return posix_spawnp(&pid_, arguments[0], &actions, &attributes, arguments.data(), environ);
  }();
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw systemError("starting " + command.at(0), error);
  process_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  if (!process_) throw systemError("pidfd_open", errno);
}

Running::~Running() {
  if (status_) return;
  signal(SIGKILL);
  wait(std::chrono::minutes(1));
}

void Running::signal(int number) const {
  ::syscall(SYS_pidfd_send_signal, process_.get(), number, nullptr, 0);
}

std::optional<int> Running::wait(Milliseconds limit) {
  if (status_) return status_;
  const Deadline deadline = Deadline::after(limit);
  pollfd waiting{process_.get(), POLLIN, 0};
  int ready = 0;
  while ((ready = ::poll(&waiting, 1, deadline.pollTimeout())) < 0 && errno == EINTR) {
  }
  if (ready <= 0) return std::nullopt;
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0) {
    if (errno != EINTR) throw systemError("waitpid", errno);
  }
  status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return status_;
}

bool sleepsUninterruptibly(pid_t pid) {
  const std::string line = readFile(fmt::format("/proc/{}/stat", pid));
  return line.at(line.rfind(')') + 2) == 'D';
}

Milliseconds processorTime(pid_t pid) {
  const std::string line = readFile(fmt::format("/proc/{}/stat", pid));
  // Fields 14 and 15; the second is in brackets and may hold anything.
  std::istringstream fields(line.substr(line.rfind(')') + 2));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  long user = 0;
  long system = 0;
  fields >> user >> system;
  return Milliseconds((user + system) * 1000 / ::sysconf(_SC_CLK_TCK));
}

}  // namespace emlfs::test
