#include "emlfs/view/mailbox_patterns.h"

#include <strings.h>

#include <string>
#include <vector>

namespace emlfs::view {
namespace {

constexpr std::string_view kInbox = "INBOX";

// Of the beginning of a path, where its first level is INBOX.
size_t anyCase(std::string_view path) {
  return path.substr(0, path.find('/')) == kInbox ? kInbox.size() : 0;
}

// Grows with the product of the lengths, whatever the pattern: `fits[i]` tells whether what was
// read of the pattern fits the first i characters.
bool matches(std::string_view pattern, std::string_view path) {
  const size_t folded = anyCase(path);
  std::vector<char> fits(path.size() + 1, 0);
  fits[0] = 1;
  for (const char c : pattern) {
    if (c == '*' || c == '%') {
      for (size_t i = 0; i < path.size(); ++i)
        if (fits[i] != 0 && (c == '*' || path[i] != '/')) fits[i + 1] = 1;
      continue;
    }
    for (size_t i = path.size(); i > 0; --i) {
      const char there = path[i - 1];
      const bool same = c == there || (i <= folded && ::strncasecmp(&c, &there, 1) == 0);
      fits[i] = static_cast<char>(same && fits[i - 1] != 0);
    }
    fits[0] = 0;
  }
  return fits.back() != 0;
}

}  // namespace

bool fits(std::string_view pattern, std::string_view path) {
  if (pattern.starts_with('!')) pattern.remove_prefix(1);
  if (pattern.starts_with('/')) pattern.remove_prefix(1);
  if (pattern.ends_with('/')) pattern.remove_suffix(1);
  if (matches(pattern, path)) return true;
  return pattern.find_first_of("*%") == pattern.npos && matches(std::string(pattern) + "/*", path);
}

bool isShown(std::span<const std::string> patterns, std::string_view path) {
  bool shown = patterns.empty() || patterns.front().starts_with('!');
  for (const std::string_view pattern : patterns)
    if (fits(pattern, path)) shown = !pattern.starts_with('!');
  return shown;
}

}  // namespace emlfs::view
