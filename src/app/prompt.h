// A question on the terminal whose answer isn't shown.
#pragma once

#include <optional>
#include <string>

#include "emlfs/base/secret.h"

namespace emlfs::app {

// Asks on the controlling terminal. Absent if there is none, or if the answer is empty. A signal
// that would end or stop the process (^C, ^Z) does so, after the terminal is as it was before.
// Throws Error(system). Call while the process has one thread.
std::optional<Secret> promptForPassword(const std::string& question);

}  // namespace emlfs::app
