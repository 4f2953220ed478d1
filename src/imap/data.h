// What an untagged response means. Whatever a server says at any moment becomes one of these, by
// understand(), and nowhere else.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "emlfs/imap/changes.h"
#include "emlfs/mail/mailbox.h"
#include "imap/framer.h"

namespace emlfs::imap {

enum class Status { ok, no, bad, bye, preauth };

// OK, NO, BAD, BYE or PREAUTH, tagged or not (RFC 9051 section 7.1).
struct StatusLine {
  Status status = Status::ok;
  std::string code;       // "UIDVALIDITY", in upper case; empty if there is none
  std::string arguments;  // of the code, as sent
  std::string text;       // made printable
};

struct CapabilityData {
  std::set<std::string> names;  // in upper case
};
struct EnabledData {
  std::set<std::string> names;  // in upper case
};
struct NamespaceData {
  std::vector<Namespace> namespaces;
};
struct StatusData {
  std::string wire;
  MailboxStatus status;
};
// SEARCH, or ESEARCH with its ALL (RFC 4731).
struct SearchData {
  std::string tag;  // ESEARCH may name the command that it answers
  UidSet uids;
};
// MYRIGHTS (RFC 4314).
struct RightsData {
  std::string wire;
  std::string rights;
};
// QUOTA (RFC 9208): of one root.
struct QuotaData {
  Quota quota;
};
struct VanishedData {
  bool earlier = false;
  UidSet uids;
};
struct ExistsData {
  uint32_t messages = 0;
};
struct ExpungeData {};

// The value of BODY[] or BODY[]<origin>.
struct Body {
  bool nil = false;
  std::optional<uint64_t> origin;
  uint64_t length = 0;  // as announced, before the Window
  std::string bytes;    // after it
  bool windowed = false;
};

// FETCH, reduced to what this program asks for. Absent is what the server didn't send or what made
// no sense.
struct FetchData {
  Uid uid = 0;
  std::optional<Flags> flags;
  std::optional<InternalDate> date;
  std::optional<uint64_t> size;
  ModSeq modseq = 0;
  std::optional<std::string> header;
  std::optional<Body> body;
};

// A response of a kind that is known, in a form that isn't.
struct UnreadableData {
  std::string kind;  // "FETCH"
};
// A response of a kind that is of no interest.
struct OtherData {};

using Data = std::variant<StatusLine, CapabilityData, EnabledData, NamespaceData, ListEntry,
                          StatusData, SearchData, RightsData, QuotaData, VanishedData, ExistsData,
                          ExpungeData, FetchData, UnreadableData, OtherData>;

// `response` begins with "* ".
Data understand(RawResponse&& response);

// What follows the tag or the "* ". Absent if it is no status.
std::optional<StatusLine> parseStatusLine(std::string_view text);

// Words separated by blanks, in upper case.
std::set<std::string> parseCapabilities(std::string_view words);

}  // namespace emlfs::imap
