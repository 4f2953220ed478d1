// Names: how mailboxes and messages are called in the tree. Pure functions of what the server said,
// the same on every machine, whatever the time zone, locale or flags.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "emlfs/mail/message.h"

namespace emlfs::view {

constexpr size_t kNameMax = 255;  // bytes, as everywhere on Linux

// RFC 2047: encoded words become UTF-8, neighbours of one charset are joined before they are
// decoded (a character may be split between them), unknown charsets and raw bytes are taken as
// UTF-8, then windows-1252. Folding is undone. The result is valid UTF-8 without ASCII control
// characters, U+FFFD standing for what is invalid. Only the first 8 KiB of `value` are looked at.
std::string decodeHeader(std::string_view value);

// The display name of the first address of a From or Sender field, else its address, decoded.
std::string senderName(std::string_view value);

// The pattern of a message name: {date}, {time}, {from}, {subject}, {uid}, {message_id} and
// literal characters. "{date}_{from}_{subject}.{uid}" is the default.
// Throws Error(invalid) for an unknown placeholder, saying which are known, and for a literal that
// a name can't hold. Empty: the default.
class NameFormat {
 public:
  NameFormat();
  explicit NameFormat(std::string_view pattern);
  bool needsHeaders() const { return needs_headers_; }
  const std::string& pattern() const { return pattern_; }

 private:
  std::string pattern_;
  bool needs_headers_ = true;
};

// "2026-11-20_Alice-Example_Re-Quarterly-report.4211.eml". No white space, shell metacharacters,
// control, escape, bidi or invisible characters; no leading '-' or '.'; NFC; at most kNameMax
// bytes, cut between code points; UID and ".eml" survive the cut, and stand there also if the
// pattern leaves them out.
std::string messageName(const NameFormat& format, const MessageMeta& meta);

// `name` with "~N" before ".UID.eml", for a message whose name a mailbox has.
std::string alternativeName(std::string_view name, unsigned n);

// A name that programs give to what is not finished, or not meant to stay: ".*", "*~", "#*#",
// "*.tmp", "*.part", "sed??????", "4913".
bool isTemporaryName(std::string_view name);

// The flags that a Maildir name tells (":2,FS" at its end), as IMAP calls them. One for the trash
// is none: the message is there.
Flags maildirFlags(std::string_view name);

// One level of a mailbox name, as the server writes it, as a file name: modified UTF-7 (RFC 3501
// section 5.1.3) or, with `utf8`, UTF-8 is decoded, and '/', NUL, control characters, bytes that
// don't decode, "." and "..", and a '%' that two hex digits follow become %XX. Over kNameMax bytes
// it is cut and ends in "~" and a hash of the whole. An empty level is "%", a level "%" is "%25".
// One to one but for the cut: a level that doesn't decode has its '&' as "%26", and where it would
// still be called like one that does, "%3F" before it.
std::string mailboxFileName(std::string_view level, bool utf8);

// The other way, for new mailboxes: throws Error(invalid) for what can't be a level, and for what
// mailboxFileName would not give back.
std::string mailboxLevel(std::string_view file_name, bool utf8);

// Modified UTF-7. Throws Error(invalid) for what isn't UTF-8. Absent if `text` isn't what
// encodeUtf7 would have written for its meaning.
std::string encodeUtf7(std::string_view utf8);
std::optional<std::string> decodeUtf7(std::string_view text);

}  // namespace emlfs::view
