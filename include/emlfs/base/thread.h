// Threads of the daemon. All signals but those of faults are blocked in them: those that end the
// program are for the main thread, whose wait they interrupt.
#pragma once

#include <functional>
#include <thread>

namespace emlfs {

// `name` is shown by ps -L and in debuggers; at most 15 bytes.
std::thread startThread(const char* name, std::function<void()> body);

}  // namespace emlfs
