#include "support/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <mutex>
#include <stdexcept>

#include "emlfs/base/error.h"
#include "emlfs/base/file.h"

namespace emlfs::test {
namespace {

// Memory files instead of pipes: nothing has to be pumped, and a daemon that the program leaves
// behind can't hold us up.
Fd memoryFile(std::string_view content) {
  Fd file(memfd_create("emlfs-test", MFD_CLOEXEC));
  if (!file) throw systemError("memfd_create", errno);
  while (!content.empty()) {
    const ssize_t count = write(file.get(), content.data(), content.size());
    if (count < 0) throw systemError("writing a program's input", errno);
    content.remove_prefix(static_cast<size_t>(count));
  }
  if (lseek(file.get(), 0, SEEK_SET) < 0) throw systemError("lseek", errno);
  return file;
}

std::string contentOf(const Fd& file) {
  std::string content;
  std::array<char, 65536> buffer;
  while (true) {
    const ssize_t count =
        pread(file.get(), buffer.data(), buffer.size(), static_cast<off_t>(content.size()));
    if (count < 0) throw systemError("reading a program's output", errno);
    if (count == 0) return content;
    content.append(buffer.data(), static_cast<size_t>(count));
  }
}

pid_t spawn(const std::vector<std::string>& command, const std::array<const Fd*, 3>& files) {
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (int target = 0; target < 3; ++target) {
    posix_spawn_file_actions_adddup2(&actions, files[static_cast<size_t>(target)]->get(), target);
  }
  pid_t pid = 0;
  const int error = [&] {
    const std::unique_lock alone(heldOpen());
    return posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
  }();
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw systemError("starting " + command.at(0), error);
  return pid;
}

int wait(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) throw systemError("waitpid", errno);
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

// False if `pid` still runs at the deadline. It stays a zombie for wait().
bool endsBefore(pid_t pid, Deadline deadline) {
  const Fd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!process) throw systemError("pidfd_open", errno);
  pollfd waiting{process.get(), POLLIN, 0};
  while (true) {
    const int ready = poll(&waiting, 1, deadline.pollTimeout());
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) throw systemError("poll", errno);
  }
}

}  // namespace

std::shared_mutex& heldOpen() {
  static std::shared_mutex mutex;
  return mutex;
}

ProcessResult run(const std::vector<std::string>& command, std::string_view input,
                  Milliseconds limit) {
  const Fd in = memoryFile(input);
  const Fd out = memoryFile({});
  const Fd err = memoryFile({});
  const Deadline deadline = Deadline::after(limit);
  const pid_t pid = spawn(command, {&in, &out, &err});
  if (!endsBefore(pid, deadline)) {
    kill(pid, SIGKILL);
    wait(pid);
    throw std::runtime_error(fmt::format("{} ran longer than {} ms:\n{}{}", fmt::join(command, " "),
                                         limit.count(), contentOf(out), contentOf(err)));
  }
  const int status = wait(pid);
  return {status, contentOf(out), contentOf(err)};
}

std::string runOrThrow(const std::vector<std::string>& command, std::string_view input,
                       Milliseconds limit) {
  ProcessResult result = run(command, input, limit);
  if (result.status != 0) {
    throw std::runtime_error(fmt::format("{} ended with status {}:\n{}{}", fmt::join(command, " "),
                                         result.status, result.output, result.errors));
  }
  return std::move(result.output);
}

}  // namespace emlfs::test
