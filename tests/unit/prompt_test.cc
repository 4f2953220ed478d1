#include "app/prompt.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "app/password.h"
#include "app/terminal_turn.h"
#include "emlfs/base/clock.h"
#include "emlfs/base/error.h"
#include "emlfs/base/file.h"
#include "environment.h"
#include "support/scratch_dir.h"

namespace emlfs::app {
namespace {

// 0 if the answer is "secret".
int ask() {
  const auto answer = promptForPassword("Password? ");
  return !answer ? 2 : answer->reveal() == "secret" ? 0 : 1;
}

// A child process on a terminal of its own that asks and exits with what that gives.
class Terminal {
 public:
  explicit Terminal(int (*body)() = ask) {
    int master = -1;
    pid_ = ::forkpty(&master, nullptr, nullptr, nullptr);
    if (pid_ == 0) ::_exit(body());
    master_ = Fd(master);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    wait();
  }

  // Everything that was shown up to `text`.
  bool waitFor(const std::string& text) {
    const Deadline deadline = Deadline::after(Milliseconds(10'000));
    while (shown_.find(text) == std::string::npos) {
      pollfd wait{master_.get(), POLLIN, 0};
      if (::poll(&wait, 1, deadline.pollTimeout()) <= 0) return false;
      char buffer[256];
      const ssize_t got = ::read(master_.get(), buffer, sizeof buffer);
      if (got <= 0) return false;
      shown_.append(buffer, static_cast<size_t>(got));
    }
    return true;
  }
  void forget() { shown_.clear(); }
  void type(const std::string& text) {
    ASSERT_EQ(::write(master_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  bool echoes() const {
    termios state{};
    return ::tcgetattr(master_.get(), &state) == 0 && (state.c_lflag & ECHO) != 0;
  }
  int wait(int flags = 0) {
    int status = 0;
    ::waitpid(pid_, &status, flags);
    if (!WIFSTOPPED(status)) pid_ = 0;
    return status;
  }
  pid_t pid() const { return pid_; }
  const std::string& shown() const { return shown_; }

 private:
  pid_t pid_ = -1;
  Fd master_;
  std::string shown_;
};

TEST(Prompt, ReadsWithoutEcho) {
  Terminal terminal;
  ASSERT_TRUE(terminal.waitFor("Password? "));
  EXPECT_FALSE(terminal.echoes());
  terminal.type("secret\n");
  ASSERT_TRUE(terminal.waitFor("\n"));
  const int status = terminal.wait();
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_TRUE(terminal.echoes());
  EXPECT_EQ(terminal.shown().find("secret"), std::string::npos);
}

TEST(Prompt, NoAnswerIsNoPassword) {
  Terminal terminal;
  ASSERT_TRUE(terminal.waitFor("Password? "));
  terminal.type("\n");
  const int status = terminal.wait();
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 2) << status;
}

TEST(Prompt, InterruptRestoresTheTerminalAndEnds) {
  Terminal terminal;
  ASSERT_TRUE(terminal.waitFor("Password? "));
  terminal.type("sec\x03");
  const int status = terminal.wait();
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT) << status;
  EXPECT_TRUE(terminal.echoes());
}

TEST(Prompt, TerminateRestoresTheTerminal) {
  Terminal terminal;
  ASSERT_TRUE(terminal.waitFor("Password? "));
  ::kill(terminal.pid(), SIGTERM);
  const int status = terminal.wait();
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM) << status;
  EXPECT_TRUE(terminal.echoes());
}

// `mount all` starts them at the same time.
TEST(Prompt, SeveralAskOneAfterTheOther) {
  Terminal terminal([] {
    shareTerminal();
    const pid_t other = ::fork();
    if (other == 0) ::_exit(ask());
    int status = 0;
    const int answer = ask();
    ::waitpid(other, &status, 0);
    return answer + WEXITSTATUS(status);
  });
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(terminal.waitFor("Password? "));
    EXPECT_EQ(terminal.shown().find("Password? "), terminal.shown().rfind("Password? "));
    terminal.forget();
    terminal.type("secret\n");
  }
  const int status = terminal.wait();
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(Prompt, NoTerminalNoSourceIsOneClearLine) {
  const test::ScratchDir home;
  const test::Variable home_variable("HOME", home.path());
  const test::Variable password("EMLFS_PASSWORD"), credentials("CREDENTIALS_DIRECTORY");
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const Fd read_end(ends[0]);
  Fd write_end(ends[1]);
  const pid_t child = ::fork();
  if (child == 0) {
    ::setsid();  // no controlling terminal
    std::string line = "found";
    try {
      PasswordRequest request;
      request.user = "alice";
      request.host = "h";
      findPassword(request);
    } catch (const Error& error) {
      line = std::string(name(error.code)) + ": " + error.what();
    }
    ::_exit(::write(write_end.get(), line.data(), line.size()) > 0 ? 0 : 1);
  }
  write_end.reset();
  std::string line;
  char buffer[512];
  for (ssize_t got; (got = ::read(read_end.get(), buffer, sizeof buffer)) > 0;)
    line.append(buffer, static_cast<size_t>(got));
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(
      line,
      "auth: no password for alice at h: give password_command, password_file, password (in the "
      "config file), "
      "$CREDENTIALS_DIRECTORY/password, $EMLFS_PASSWORD or an entry in ~/.netrc, or run emlfs "
      "on a terminal");
}

}  // namespace
}  // namespace emlfs::app
