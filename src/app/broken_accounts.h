// What commands for all accounts say of those that are wrong in the config file.
#pragma once

#include "app/config.h"

namespace emlfs::app {

// A line each on standard error; what is wrong with two of them together is said once. The exit
// code for it, ok if there are none.
int reportBroken(const Config& config);

}  // namespace emlfs::app
