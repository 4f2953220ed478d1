// `emlfs mount --foreground all`: a process for each account, so that one that is offline, refused
// or broken holds up no other. One that ends is started again (app/restart).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "app/run_each.h"

namespace emlfs::app {

// Runs until SIGTERM, SIGINT or SIGHUP, which it hands on, and the end of all tasks, or until none
// of them is left to be started. `ready` is called once: when each works or has failed for the
// first time, with the words for a person about those that don't. Returns an exit code: 0 after a
// signal, or if all were unmounted; else that of the first task that has failed for good. Call
// while the process has one thread.
int supervise(const std::vector<Task>& tasks,
              const std::function<void(const std::string& state)>& ready);

}  // namespace emlfs::app
