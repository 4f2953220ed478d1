// The only place that knows libetpan, which parses FETCH responses here. It never touches the
// network, and it never sees more than the items that this program asks for: what else a server
// sends, strings included, is taken out before, since libetpan calls any syntax that it doesn't
// know fatal and crashes on some that it does. Thread-safe: no state.
#pragma once

#include <optional>

#include "imap/data.h"

namespace emlfs::imap {

// `response` is "* n FETCH (...)"; its strings are moved out. Absent if it can't be read.
std::optional<FetchData> parseFetch(RawResponse& response);

}  // namespace emlfs::imap
