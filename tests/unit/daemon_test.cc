#include "app/daemon.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>

#include "app/failure.h"
#include "emlfs/base/clock.h"
#include "emlfs/base/file.h"

namespace emlfs::app {
namespace {

using Work = std::function<int(const Ready&)>;

std::string readAll(int fd) {
  std::string text;
  char buffer[512];
  for (ssize_t got; (got = ::read(fd, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<size_t>(got));
  return text;
}

// runInBackground in a process that stands for the shell's child: it and the daemon both exit.
struct Background {
  explicit Background(const Work& work) {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    errors = Fd(ends[0]);
    Fd write_end(ends[1]);
    const pid_t parent = ::fork();
    if (parent == 0) {
      ::dup2(write_end.get(), STDERR_FILENO);
      write_end.reset();
      ::_exit(runInBackground(work));
    }
    write_end.reset();
    ::waitpid(parent, &status, 0);
  }

  int code() const { return WIFEXITED(status) ? WEXITSTATUS(status) : -1; }

  int status = 0;
  Fd errors;
};

TEST(Daemon, ParentReturnsOnceItIsReadyAndTheChildGoesOn) {
  int to_daemon[2], from_daemon[2];
  ASSERT_EQ(::pipe2(to_daemon, O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(from_daemon, O_CLOEXEC), 0);
  Fd hold(to_daemon[1]);
  const Background run([&](const Ready& ready) {
    ::close(to_daemon[1]);
    ready("");
    char byte = 0;
    if (::read(to_daemon[0], &byte, 1) != 0) return 1;  // until the test lets go
    char where[PATH_MAX] = {}, output[PATH_MAX] = {};
    std::string facts = ::getcwd(where, sizeof where) != nullptr ? where : "?";
    facts += ::getsid(0) == ::getpid() ? " leader" : " no leader";
    if (::readlink("/proc/self/fd/2", output, sizeof output - 1) > 0)
      facts += std::string(" ") + output;
    return ::write(from_daemon[1], facts.data(), facts.size()) > 0 ? 0 : 1;
  });
  EXPECT_EQ(run.code(), 0);
  // The daemon has let go of the terminal's streams, or this would wait for its end.
  EXPECT_EQ(readAll(run.errors.get()), "");
  ::close(to_daemon[0]);
  ::close(from_daemon[1]);
  hold.reset();
  EXPECT_EQ(readAll(from_daemon[0]), "/ leader /dev/null");
  ::close(from_daemon[0]);
}

TEST(Daemon, ANoticeIsPrintedByTheParent) {
  const Background run([](const Ready& ready) {
    ready("the server can't be reached: mounted from the cache");
    return 3;  // the daemon's own, which nobody waits for
  });
  EXPECT_EQ(run.code(), 0);
  EXPECT_EQ(readAll(run.errors.get()),
            "emlfs: the server can't be reached: mounted from the cache\n");
}

TEST(Daemon, AnErrorBeforeIsTheParents) {
  const Background run([](const Ready&) -> int {
    throw Error(Code::auth, Scope::account, "the login failed", "NO \x1b[31mgo away");
  });
  EXPECT_EQ(run.code(), 5);
  EXPECT_EQ(readAll(run.errors.get()),
            "emlfs: the login failed; the server said: NO ?[31mgo away\n");
}

TEST(Daemon, AMountErrorKeepsItsExitCode) {
  const Background run([](const Ready&) -> int { throw MountError("no /dev/fuse"); });
  EXPECT_EQ(run.code(), 7);
  EXPECT_EQ(readAll(run.errors.get()), "emlfs: no /dev/fuse\n");
}

TEST(Daemon, ADeathWithoutAWordIsReported) {
  const Background run([](const Ready&) -> int {
    ::raise(SIGKILL);
    return 0;
  });
  EXPECT_EQ(run.code(), 1);
  EXPECT_EQ(readAll(run.errors.get()),
            "emlfs: the daemon ended before the mount worked: signal 9 (Killed)\n");
}

TEST(Daemon, AnEndBeforeReadyIsReported) {
  const Background run([](const Ready&) { return 0; });
  EXPECT_EQ(run.code(), 1);
  EXPECT_EQ(readAll(run.errors.get()),
            "emlfs: the daemon ended before the mount worked: exit status 0\n");
}

}  // namespace
}  // namespace emlfs::app
