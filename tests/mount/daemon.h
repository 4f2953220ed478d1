// The fixture of emlfs as a daemon.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "emlfs/base/error.h"
#include "emlfs/base/file.h"
#include "support/mount.h"
#include "support/sandbox.h"

namespace emlfs::test {

constexpr Milliseconds kSoon{10'000};  // well below the timeout of 30 s

inline pid_t daemonOf(const Mount& mount) {
  return mount.status()["pid"];
}

inline Fd processOf(pid_t pid) {
  Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process) throw systemError("pidfd_open", errno);
  return process;
}

inline bool endsWithin(const Fd& process, Milliseconds limit) {
  pollfd waiting{process.get(), POLLIN, 0};
  return ::poll(&waiting, 1, static_cast<int>(limit.count())) == 1;
}

inline std::string mountLine(const std::string& path) {
  std::istringstream lines(readFile("/proc/self/mountinfo"));
  for (std::string line; std::getline(lines, line);)
    if (line.find(" " + path + " ") != line.npos) return line;
  return {};
}

inline std::string imaps(const Dovecot& server) {
  return fmt::format("imaps://{}@{}:{}", server.user(), server.host(), server.imapsPort());
}

class Daemon : public MountTest {
 protected:
  static void SetUpTestSuite() { server_ = std::make_unique<Dovecot>(); }
  static void TearDownTestSuite() { server_.reset(); }
  static const Dovecot& server() { return *server_; }

  // In the sandbox, with the right options.
  static std::vector<std::string> mountArguments(const Sandbox& box) {
    return {"mount", imaps(server()), box.mountPoint(), "-o", "ca_file=" + server().caFile()};
  }

 private:
  static inline std::unique_ptr<Dovecot> server_;
};

}  // namespace emlfs::test
