// The response codes of UIDPLUS (RFC 4315 section 3): which UIDs messages were given.
#pragma once

#include <optional>
#include <string_view>

#include "emlfs/imap/changes.h"
#include "emlfs/mail/uid_set.h"

namespace emlfs::imap {

// The arguments of COPYUID. Absent if they make no sense: of other messages than `asked`, not as
// many on both sides, something twice.
std::optional<CopiedUids> parseCopyUid(std::string_view arguments, const UidSet& asked);

// The arguments of APPENDUID. Absent if they make no sense, or aren't about `count` messages.
std::optional<AppendedUids> parseAppendUid(std::string_view arguments, size_t count);

}  // namespace emlfs::imap
