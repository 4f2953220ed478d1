// Yes or no, on the terminal.
#pragma once

#include <string>

namespace emlfs::app {

// Throws Error(invalid) with `without` where there is no terminal to ask on. Anything but a "y" at
// the beginning is no.
bool agrees(const std::string& question, const std::string& without);

}  // namespace emlfs::app
