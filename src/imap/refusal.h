// What a NO or BAD of the server means (RFC 5530).
#pragma once

#include <string>
#include <string_view>

#include "imap/data.h"

namespace emlfs::imap {

// The server's words, or its code if it has none.
const std::string& words(const StatusLine& status);

// Throws for a NO or BAD, with the server's words; session.h says which code is which Error.
// `what` was not possible: "can't open the mailbox".
void check(const StatusLine& status, std::string_view what);

}  // namespace emlfs::imap
