// What a name that a person or a program gives to a new message says about it.
#include <algorithm>
#include <vector>

#include "emlfs/view/names.h"

namespace emlfs::view {
namespace {

// sed -i, and g_mkstemp's like: the name and six random characters.
constexpr std::string_view kSed = "sed";
constexpr size_t kSedLength = 9;
// By which vim finds out whether it can write into a directory.
constexpr std::string_view kVim = "4913";

}  // namespace

bool isTemporaryName(std::string_view name) {
  return name.starts_with('.') || name.ends_with('~') ||
         (name.size() > 1 && name.starts_with('#') && name.ends_with('#')) ||
         name.ends_with(".tmp") || name.ends_with(".part") ||
         (name.starts_with(kSed) && name.size() == kSedLength) || name == kVim;
}

Flags maildirFlags(std::string_view name) {
  const size_t info = name.rfind(":2,");
  if (info == std::string_view::npos) return {};
  // rsync's temporary of "1.host:2,S" is ".1.host:2,S.P2x9dC": what comes behind is chance.
  const auto is_letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
  if (isTemporaryName(name) || !std::ranges::all_of(name.substr(info + 3), is_letter)) return {};
  std::vector<std::string> flags;
  for (const char letter : name.substr(info + 3)) {
    switch (letter) {
      case 'D':
        flags.emplace_back("\\Draft");
        break;
      case 'F':
        flags.emplace_back("\\Flagged");
        break;
      case 'P':
        flags.emplace_back("$Forwarded");
        break;
      case 'R':
        flags.emplace_back("\\Answered");
        break;
      case 'S':
        flags.emplace_back("\\Seen");
        break;
      default:
        break;
    }
  }
  return Flags(std::move(flags));
}

}  // namespace emlfs::view
