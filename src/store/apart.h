// Work in a child process, so that what it crashes on crashes nothing else.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace emlfs::store {

// Forks. The child calls `work`, and ends; what it gives to `say` (without a line feed) the parent
// hears line by line. A child that crashes leaves no core and isn't noticed by handlers of this
// process; signals meant to end the parent's work pass it by, and it ends after `cpu_seconds`.
// Returns why the child ended early, for a person, or nothing if `work` returned. An
// Error(damaged) of `work` is such a reason too; another is thrown here, with its code and text.
// Throws Error(system) if there can be no child.
//
// If the process has other threads `work` must do without what they may have locked: the log.
using Say = std::function<void(const std::string& line)>;
std::string runApart(unsigned cpu_seconds, const std::function<void(const Say& say)>& work,
                     const std::function<void(std::string_view line)>& heard);

}  // namespace emlfs::store
