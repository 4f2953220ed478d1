// Character sets of mail headers.
#pragma once

#include <string>
#include <string_view>

namespace emlfs::view {

// `bytes` in `charset` as UTF-8, with U+FFFD for what is invalid there. A charset that is unknown
// or empty, and US-ASCII, are taken as UTF-8 if the bytes are, else as windows-1252.
std::string toUtf8(std::string_view charset, std::string_view bytes);

}  // namespace emlfs::view
