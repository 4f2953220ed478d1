#include "app/prompt.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>
#include <csignal>
#include <cstring>

#include <array>
#include <cerrno>

#include "app/secret_command.h"
#include "app/terminal_turn.h"
#include "emlfs/base/error.h"
#include "emlfs/base/file.h"

namespace emlfs::app {
namespace {

// While it lives, signals that end or stop the process wait, and can be read from fd().
class HeldSignals {
 public:
  HeldSignals() {
    ::sigemptyset(&set_);
    for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP}) ::sigaddset(&set_, signal);
    ::sigprocmask(SIG_BLOCK, &set_, &before_);
    fd_ = Fd(::signalfd(-1, &set_, SFD_CLOEXEC));
  }
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;
  ~HeldSignals() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }

  int fd() const { return fd_.get(); }
  int take() const {
    signalfd_siginfo info{};
    return ::read(fd_.get(), &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo)
                                                                : 0;
  }

 private:
  sigset_t set_{};
  sigset_t before_{};
  Fd fd_;
};

// While it lives, the terminal doesn't show what is typed.
class NoEcho {
 public:
  explicit NoEcho(int tty) : tty_(tty) {
    if (::tcgetattr(tty_, &before_) != 0) throw systemError("the terminal", errno);
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHOE | ECHOK | ECHONL);
    quiet.c_lflag |= ICANON | ISIG;
    if (::tcsetattr(tty_, TCSAFLUSH, &quiet) != 0) throw systemError("the terminal", errno);
  }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;
  ~NoEcho() { ::tcsetattr(tty_, TCSAFLUSH, &before_); }

 private:
  int tty_;
  termios before_{};
};

void print(int tty, const std::string& text) {
  if (::write(tty, text.data(), text.size()) < 0) throw systemError("the terminal", errno);
}

struct Answer {
  Secret text;
  int signal = 0;  // came instead
};

Answer readAnswer(int tty, const std::string& question) {
  const HeldSignals signals;
  const NoEcho quiet(tty);
  print(tty, question);
  Answer answer;
  std::array<char, 4096> line{};  // the longest line that a terminal gives
  for (;;) {
    pollfd waits[] = {{tty, POLLIN, 0}, {signals.fd(), POLLIN, 0}};
    if (::poll(waits, 2, -1) < 0 && errno != EINTR) throw systemError("the terminal", errno);
    if (waits[1].revents != 0) {
      answer.signal = signals.take();
      break;
    }
    if (waits[0].revents == 0) continue;
    const ssize_t got = ::read(tty, line.data(), line.size());
    if (got < 0 && errno == EINTR) continue;
    if (got > 0) answer.text = firstLine({line.data(), static_cast<size_t>(got)});
    break;
  }
  ::explicit_bzero(line.data(), line.size());
  print(tty, "\n");
  return answer;
}

}  // namespace

std::optional<Secret> promptForPassword(const std::string& question) {
  const Fd tty(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (!tty) return std::nullopt;
  const TerminalTurn turn(TerminalTurn::Wait::until_it_is);
  for (;;) {
    Answer answer = readAnswer(tty.get(), question);
    if (answer.signal == 0) {
      if (answer.text.empty()) return std::nullopt;
      return std::move(answer.text);
    }
    // The terminal and the mask are restored: now it takes its effect. After a stop, ask again.
    ::raise(answer.signal);
  }
}

}  // namespace emlfs::app
