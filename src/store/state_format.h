// How the state of one format becomes that of the next.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "emlfs/store/state_format.h"

namespace emlfs::store {

// Turns a directory of one format into one of the next. Is called again on what it left when it was
// interrupted, so each step of it finds out whether it is done.
using Migration = void (*)(const std::string& state_dir);

// The first is from format 1 to 2, and so on; behind the last is today's format.
void upgradeState(const std::string& state_dir, std::span<const Migration> migrations);

}  // namespace emlfs::store
