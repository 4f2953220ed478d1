// What is shown on standard output while work goes on.
#pragma once

#include <functional>
#include <string>

#include "emlfs/base/clock.h"

namespace emlfs::app {

// A terminal that understands escape sequences: TERM isn't "dumb".
bool isTerminal(int fd);

// Such a terminal, and NO_COLOR isn't set (no-color.org).
bool wantsColour(int fd);

// On a terminal one line that is drawn anew a few times a second, else a plain line now and then.
// Not thread-safe.
class Ticker {
 public:
  // The line that says how far the work is, at most `columns` wide.
  using Text = std::function<std::string(size_t columns)>;

  // `plain_interval` is that between plain lines. With `quiet`, nothing is shown.
  Ticker(bool quiet, Milliseconds plain_interval);
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;
  ~Ticker() { clear(); }

  // How often to call show().
  Milliseconds interval() const;
  // Shows the line, if it is time for one.
  void show(const Text& text);
  // Takes the line away, so that something else can be printed.
  void clear();

 private:
  const bool quiet_;
  const bool terminal_;
  const Milliseconds plain_interval_;
  Clock::time_point next_plain_;
  bool shown_ = false;
};

}  // namespace emlfs::app
