// Takes a FETCH response apart into the items of interest, and writes those that libetpan is to
// parse as a response of its own, in the plainest form of the grammar.
#pragma once

#include <optional>
#include <string>

#include "imap/data.h"

namespace emlfs::imap {

struct SievedFetch {
  // "* 1 FETCH (UID 5 FLAGS (\Seen) INTERNALDATE "...")" with its CRLF: printable ASCII only.
  std::string line;
  // What libetpan would get wrong: sizes and origins beyond 32 bits, a MODSEQ of 0 or -1, strings
  // without end.
  std::optional<uint64_t> size;
  ModSeq modseq = 0;
  std::optional<std::string> header;
  std::optional<Body> body;
};

// Absent if it isn't "* n FETCH (name value ...)" or a value has no end.
std::optional<SievedFetch> sieveFetch(RawResponse& response);

}  // namespace emlfs::imap
