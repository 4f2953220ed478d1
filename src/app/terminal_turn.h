// Several of our processes on one terminal ('mount all'): one of them at a time asks there, or
// lends it to a command that may ask.
#pragma once

#include "emlfs/base/file.h"

namespace emlfs::app {

// The processes started from now on take turns. Call while there is one thread: it changes the
// environment. Throws Error(system).
void shareTerminal();

// As long as it lives it is this process's turn, if mine().
class TerminalTurn {
 public:
  enum class Wait { until_it_is, no };
  explicit TerminalTurn(Wait wait);
  bool mine() const { return mine_; }

 private:
  Fd lock_;
  bool mine_ = true;  // nobody else is there
};

}  // namespace emlfs::app
