// What the commands that change a mailbox take and give. Plain values.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "emlfs/mail/message.h"

namespace emlfs::imap {

// Which flags of the selected mailbox can be changed for good (PERMANENTFLAGS, RFC 9051 7.1).
struct PermanentFlags {
  Flags flags;            // as the server writes them, without "\*"
  bool new_ones = false;  // "\*": keywords that the mailbox doesn't have yet, too

  // Whether a STORE of this flag lasts. A server may still refuse it (too many keywords).
  bool allow(std::string_view flag) const {
    return flags.has(flag) || (new_ones && !flag.starts_with('\\'));
  }
};

// COPYUID (RFC 4315 section 3): which UID in the destination each message has got.
struct CopiedUids {
  UidValidity uid_validity = 0;           // of the destination
  std::vector<std::pair<Uid, Uid>> uids;  // source and destination, in the server's order
};

// APPENDUID (RFC 4315 section 3).
struct AppendedUids {
  UidValidity uid_validity = 0;  // of the destination
  std::vector<Uid> uids;         // in the order of the messages
};

// A message for APPEND. Its bytes are asked for in pieces, so that it is never whole in memory.
struct NewMessage {
  Flags flags;
  std::optional<InternalDate> date;  // absent: the time of arrival
  uint64_t size = 0;                 // at least 1
  // Fills `into` with the bytes from `offset` on (never past `size`) and gives how many it wrote:
  // at least one. May throw. IMAP can't say NUL, and wants CRLF: that is the caller's business.
  std::function<size_t(uint64_t offset, std::span<char> into)> read;
};

struct Usage {
  uint64_t used = 0;
  uint64_t limit = 0;
};

// Of the quota roots of a mailbox (RFC 9208) the one with the least room; absent where there is no
// limit.
struct Quota {
  std::optional<Usage> storage;   // bytes
  std::optional<Usage> messages;  // number
};

}  // namespace emlfs::imap
