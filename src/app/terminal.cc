#include "app/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>
#include <cstdio>
#include <cstdlib>

#include <algorithm>
#include <string_view>

namespace emlfs::app {
namespace {

constexpr Milliseconds kRedraw{250};

// One less than there are: some terminals wrap at the last one.
size_t columns() {
  winsize size{};
  constexpr size_t kUsual = 80;
  const bool known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  return (known ? size.ws_col : kUsual) - 1;
}

}  // namespace

bool isTerminal(int fd) {
  const char* const kind = std::getenv("TERM");
  return ::isatty(fd) == 1 && (kind == nullptr || std::string_view(kind) != "dumb");
}

bool wantsColour(int fd) {
  const char* const none = std::getenv("NO_COLOR");
  return isTerminal(fd) && (none == nullptr || *none == '\0');
}

Ticker::Ticker(bool quiet, Milliseconds plain_interval)
    : quiet_(quiet),
      terminal_(isTerminal(STDOUT_FILENO)),
      plain_interval_(plain_interval),
      next_plain_(Clock::now() + plain_interval) {}

Milliseconds Ticker::interval() const {
  return terminal_ ? kRedraw : std::min(kRedraw, plain_interval_);
}

void Ticker::show(const Text& text) {
  if (quiet_) return;
  if (terminal_) {
    ::printf("\r%s\x1b[K", text(columns()).c_str());
    shown_ = true;
  } else {
    const auto now = Clock::now();
    if (now < next_plain_) return;
    next_plain_ = now + plain_interval_;
    ::printf("%s\n", text(std::string::npos).c_str());
  }
  ::fflush(stdout);
}

void Ticker::clear() {
  if (!shown_) return;
  shown_ = false;
  ::fputs("\r\x1b[K", stdout);
  ::fflush(stdout);
}

}  // namespace emlfs::app
