#include "app/worker.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <array>
#include <cerrno>

#include "app/printable.h"
#include "app/process.h"
#include "emlfs/base/error.h"

namespace emlfs::app {
namespace {

constexpr size_t kLongestLine = 4096;

[[noreturn]] void become(const std::string& program, const std::vector<std::string>& arguments,
                         const std::string& notify, int errors) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  std::vector<char*> argv{const_cast<char*>(program.c_str())};
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  ::setenv("NOTIFY_SOCKET", notify.c_str(), 1);
  if (::dup2(errors, STDERR_FILENO) >= 0) ::execv(program.c_str(), argv.data());
  ::_exit(127);
}

}  // namespace

void Worker::start(const std::string& notify) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw systemError("pipe", errno);
  errors_ = Fd(ends[0]);
  const Fd write_end(ends[1]);
  ::fcntl(errors_.get(), F_SETFL, O_NONBLOCK);
  const std::string program = ownProgram();
  ::fflush(nullptr);  // or both would print what is buffered
  pid_ = ::fork();
  if (pid_ < 0) throw systemError("fork", errno);
  if (pid_ == 0) become(program, task_.arguments, notify, write_end.get());
  process_ = openProcess(pid_);
}

void Worker::stop() const {
  if (running()) sendSignal(process_, SIGTERM);
}

void Worker::relay() {
  // Who writes without end must not keep us from all else.
  constexpr int kMostReads = 16;
  std::array<char, 4096> buffer{};
  for (int i = 0; i < kMostReads; ++i) {
    const ssize_t got = ::read(errors_.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got == 0) errors_.reset();  // else it would be readable for ever
    if (got <= 0) break;
    said_.append(buffer.data(), static_cast<size_t>(got));
    say(false);
  }
}

int Worker::reap() {
  if (errors_) relay();
  say(true);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  process_.reset();
  errors_.reset();
  return status;
}

void Worker::say(bool all) {
  for (;;) {
    const size_t end = said_.find('\n');
    const bool cut = end == std::string::npos && (all || said_.size() > kLongestLine);
    if (said_.empty() || (end == std::string::npos && !cut)) return;
    const std::string line = said_.substr(0, end);
    said_.erase(0, cut ? said_.size() : end + 1);
    ::fprintf(stderr, "%s\n", printable(saidBy(task_.name, line)).c_str());
  }
}

}  // namespace emlfs::app
