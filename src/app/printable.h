// Text from servers and files, made safe for a terminal.
#pragma once

#include <string>
#include <string_view>

namespace emlfs::app {

// One line of valid UTF-8: control characters, line ends, tabs, bidi controls and bytes that
// aren't UTF-8 become '?' (white space ' '), and what is longer than `limit` bytes ends in "...".
std::string printable(std::string_view text, size_t limit = 1000);

}  // namespace emlfs::app
