// Statuses and their codes: libetpan crashes on some ([BADCHARSET], [PERMANENTFLAGS (%)]) and
// throws the text of BYE away.
#include <algorithm>

#include "imap/data.h"
#include "imap/text.h"

namespace emlfs::imap {

std::set<std::string> parseCapabilities(std::string_view words) {
  constexpr size_t kLimit = 1000;
  std::set<std::string> names;
  while (!words.empty() && names.size() < kLimit) {
    const size_t blank = std::min(words.find(' '), words.size());
    if (blank > 0) names.insert(printable(toUpper(words.substr(0, blank))));
    words.remove_prefix(std::min(blank + 1, words.size()));
  }
  return names;
}

std::optional<StatusLine> parseStatusLine(std::string_view text) {
  const std::string_view word = text.substr(0, text.find(' '));
  StatusLine line;
  if (equalsIgnoringCase(word, "OK")) {
    line.status = Status::ok;
  } else if (equalsIgnoringCase(word, "NO")) {
    line.status = Status::no;
  } else if (equalsIgnoringCase(word, "BAD")) {
    line.status = Status::bad;
  } else if (equalsIgnoringCase(word, "BYE")) {
    line.status = Status::bye;
  } else if (equalsIgnoringCase(word, "PREAUTH")) {
    line.status = Status::preauth;
  } else {
    return std::nullopt;
  }
  text.remove_prefix(std::min(word.size() + 1, text.size()));
  const size_t close = text.find(']');
  if (text.starts_with('[') && close != std::string_view::npos) {
    const std::string_view inside = text.substr(1, close - 1);
    const size_t blank = std::min(inside.find(' '), inside.size());
    line.code = printable(toUpper(inside.substr(0, blank)));
    line.arguments = inside.substr(std::min(blank + 1, inside.size()));
    text.remove_prefix(close + 1);
    if (text.starts_with(' ')) text.remove_prefix(1);
  }
  line.text = printable(text);
  return line;
}

}  // namespace emlfs::imap
