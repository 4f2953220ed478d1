// What `setfattr -n user.imap.flags -v '+\Seen -\Flagged $Work'` means. A pure function.
#pragma once

#include <string_view>

#include "emlfs/mail/message.h"

namespace emlfs::fs {

struct FlagWords {
  Flags add;
  Flags remove;
};

// Words with blanks between them; '+' or nothing before a flag sets it, '-' takes it away, and all
// others stay. The flags of RFC 9051 section 2.3.2 but \Recent, and keywords. None is no
// error. Throws Error(invalid).
FlagWords parseFlagWords(std::string_view text);

}  // namespace emlfs::fs
