// Text made fit to be part of a message name.
#pragma once

#include <string>
#include <string_view>

namespace emlfs::view {

// True for what a name may hold as it is: letters, numbers, symbols (emoji), and of ASCII besides
// letters and digits "+-.@_", which mean nothing to a shell, find, tar or rsync.
// Marks may stand in a name too, but only behind something.
bool standsInName(char32_t code_point);

// `text` (any bytes) with '-' for white space and what a name can't hold, once for a run of them
// and not at the ends, where '.' goes too; without what is invisible or turns the direction of
// writing; at most kMarksMax marks on one character; NFC. May be empty. Only the first kilobyte
// that is fit for a name is looked at.
std::string component(std::string_view text);

constexpr unsigned kMarksMax = 4;

}  // namespace emlfs::view
