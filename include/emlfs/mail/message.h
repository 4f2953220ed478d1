// What a server says about a message without its body. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emlfs/mail/ids.h"

namespace emlfs {

// INTERNALDATE: seconds since 1970 in UTC, and the zone it was written in, in minutes east.
struct InternalDate {
  int64_t seconds = 0;
  int16_t zone_minutes = 0;
  bool operator==(const InternalDate&) const = default;
};

// "17-Jul-1996 02:44:25 -0700" (RFC 9051 date-time, the day blank-padded).
std::string text(InternalDate date);

// The flags as the server writes them ("\Seen", "$Work"), sorted, without doubles and without
// \Recent, which belongs to a session and not to the message.
class Flags {
 public:
  Flags() = default;
  explicit Flags(std::vector<std::string> names);
  bool has(std::string_view name) const;  // case-insensitive
  const std::vector<std::string>& names() const { return names_; }
  std::string text() const;  // separated by a blank
  bool operator==(const Flags&) const = default;

 private:
  std::vector<std::string> names_;
};

// `flags` with those of `add`, without those of `remove`; one that is in both is there.
Flags changed(const Flags& flags, const Flags& add, const Flags& remove);

// Raw header fields (RFC 5322), unfolded by nobody: what the name and the xattrs are made of. The
// value of each, without its name; empty where the message has none.
struct HeaderFields {
  std::string date;
  std::string from;
  std::string sender;
  std::string subject;
  std::string message_id;
  bool operator==(const HeaderFields&) const = default;
};

// Takes apart the header block that BODY[HEADER.FIELDS (...)] gave. Any bytes are accepted; the
// first field of a name counts; a value is cut at 8 KiB, more than a name shows.
HeaderFields parseHeaderFields(std::string_view block);

struct MessageMeta {
  Uid uid = 0;
  Flags flags;
  InternalDate date;
  uint64_t size = 0;  // RFC822.SIZE: a hint, some servers lie
  ModSeq modseq = 0;
  HeaderFields header;
};

}  // namespace emlfs
