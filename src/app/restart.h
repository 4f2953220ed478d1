// Whether and when the process of an account that has ended is started again.
#pragma once

#include <optional>

#include "emlfs/base/clock.h"

namespace emlfs::app {

// `status` as waitpid(2) gives it, `failures` in a row with this one. Absent: not by itself, since
// it was unmounted, or only a person can mend what is wrong. After a refused password pauses are
// long: servers lock accounts.
std::optional<Milliseconds> restartPause(int status, unsigned failures);

}  // namespace emlfs::app
