#include "support/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <stdexcept>

namespace emlfs::test {

Child::Child(const std::function<void(int report)>& body) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("fork");
  if (pid_ == 0) {
    ::close(ends[0]);
    int status = 0;
    try {
      body(ends[1]);
    } catch (const std::exception& error) {
      ::dprintf(STDERR_FILENO, "child: %s\n", error.what());
      status = 1;
    }
    ::_exit(status);
  }
  ::close(ends[1]);
  pipe_ = ends[0];
}

std::string Child::read(size_t count) {
  constexpr int kMinute = 60'000;
  std::string all;
  while (all.size() < count) {
    pollfd ready{pipe_, POLLIN, 0};
    if (::poll(&ready, 1, kMinute) != 1) break;
    std::array<char, 4096> some;
    ssize_t got = ::read(pipe_, some.data(), std::min(some.size(), count - all.size()));
    if (got <= 0) break;
    all.append(some.data(), static_cast<size_t>(got));
  }
  return all;
}

std::string Child::kill() {
  if (pid_ < 0) return {};
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
  std::string rest = read(std::string::npos);
  ::close(pipe_);
  return rest;
}

}  // namespace emlfs::test
