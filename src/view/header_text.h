// The raw value of a header field.
#pragma once

#include <string>
#include <string_view>

namespace emlfs::view {

// Bytes of a value that are looked at. No name needs more, and it bounds what a hostile one costs.
constexpr size_t kHeaderMax = 8 * 1024;

// At most kHeaderMax bytes of `value` on one line: a line end before white space goes, any other
// becomes a blank.
std::string unfold(std::string_view value);

}  // namespace emlfs::view
