#include "store/apart.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <optional>

#include "emlfs/base/error.h"
#include "emlfs/base/file.h"
#include "store/crash_mark.h"

namespace emlfs::store {
namespace {

// How the last line begins, behind which nothing is missing.
constexpr char kDone = '.';
constexpr char kReason = '!';   // damage
constexpr char kFailure = '?';  // no fault of the file: "?code:text"

void writeLine(int fd, std::string line) {
  line += '\n';
  for (std::string_view left = line; !left.empty();) {
    const ssize_t some = ::write(fd, left.data(), left.size());
    if (some < 0 && errno == EINTR) continue;
    if (some < 0) ::_exit(1);  // nobody listens any more
    left.remove_prefix(static_cast<size_t>(some));
  }
}

[[noreturn]] void beChild(int fd, unsigned cpu_seconds,
                          const std::function<void(const Say& say)>& work) {
  sigset_t blocked;
  ::sigfillset(&blocked);
  for (int fatal : kFatalSignals) {
    std::signal(fatal, SIG_DFL);
    ::sigdelset(&blocked, fatal);
  }
  std::signal(SIGXCPU, SIG_DFL);
  ::sigdelset(&blocked, SIGXCPU);
  ::sigprocmask(SIG_SETMASK, &blocked, nullptr);
  ::prctl(PR_SET_DUMPABLE, 0);
  const rlimit limit{cpu_seconds, cpu_seconds};
  ::setrlimit(RLIMIT_CPU, &limit);
  try {
    work([fd](const std::string& line) { writeLine(fd, line); });
    writeLine(fd, {kDone});
  } catch (const Error& error) {
    writeLine(fd, error.code == Code::damaged
                      ? kReason + std::string(error.what())
                      : fmt::format("{}{}:{}", kFailure, name(error.code), error.what()));
  } catch (const std::exception& error) {
    writeLine(fd, kReason + std::string(error.what()));
  }
  ::_exit(0);
}

std::string describe(int status) {
  if (WIFSIGNALED(status))
    return fmt::format("reading it ended with {}", ::strsignal(WTERMSIG(status)));
  return fmt::format("reading it ended with status {}", WEXITSTATUS(status));
}

// Of "code:text".
Error failureOf(std::string_view line) {
  const size_t colon = line.find(':');
  return Error(codeNamed(line.substr(0, colon)).value_or(Code::system), Scope::account,
               std::string(line.substr(colon + 1)));
}

// Calls `line` with each whole line until the other end is closed.
void readLines(int fd, const std::function<void(std::string_view)>& line) {
  std::string text;
  std::array<char, 4096> some{};
  for (;;) {
    const ssize_t got = ::read(fd, some.data(), some.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    text.append(some.data(), static_cast<size_t>(got));
    size_t begin = 0;
    for (size_t end = 0; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
      line(std::string_view(text).substr(begin, end - begin));
    text.erase(0, begin);
  }
}

}  // namespace

std::string runApart(unsigned cpu_seconds, const std::function<void(const Say& say)>& work,
                     const std::function<void(std::string_view line)>& heard) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw systemError("pipe", errno);
  const Fd read_end(ends[0]);
  Fd write_end(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) throw systemError("fork", errno);
  if (child == 0) beChild(write_end.get(), cpu_seconds, work);
  write_end.reset();
  std::optional<std::string> reason;
  std::optional<Error> failure;
  readLines(read_end.get(), [&](std::string_view line) {
    if (line.starts_with(kDone))
      reason.emplace();
    else if (line.starts_with(kReason))
      reason.emplace(line.substr(1));
    else if (line.starts_with(kFailure))
      failure = failureOf(line.substr(1));
    else
      heard(line);
  });
  int status = 0;
  pid_t ended = 0;
  while ((ended = ::waitpid(child, &status, 0)) < 0 && errno == EINTR) {
  }
  if (failure) throw Error(*failure);
  if (reason) return *reason;
  return ended == child ? describe(status) : "reading it ended early";
}

}  // namespace emlfs::store
