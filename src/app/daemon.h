// Going to the background once the work is under way, with an exit status that says whether it is.
#pragma once

#include <functional>
#include <string>

namespace emlfs::app {

// Says that the work is under way, with a line for the user about how; empty: nothing to say.
using Ready = std::function<void(const std::string& notice)>;

// Calls work(ready) in a child process and returns in both: in the parent with 0 once the child
// has called ready(), after printing its notice, else with the child's exit code, after printing
// its error; in the child with work's exit code. So main returns it in either case.
//
// ready() makes the child a daemon: its own session, working directory /, standard streams on
// /dev/null. Until then both share the terminal, so that ^C ends both. What work throws before
// ready() is the parent's error line and exit code (see exit_code.h); later it is logged.
//
// Call while the process has one thread and no LMDB or OpenSSL in use: neither survives a fork.
int runInBackground(const std::function<int(const Ready& ready)>& work);

}  // namespace emlfs::app
