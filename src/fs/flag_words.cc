#include "fs/flag_words.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "emlfs/base/error.h"

namespace emlfs::fs {
namespace {

const Flags& systemFlags() {
  static const Flags flags({"\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"});
  return flags;
}

// RFC 9051: a keyword is an atom.
bool isKeyword(std::string_view word) {
  return std::all_of(word.begin(), word.end(), [](char c) {
    return c > ' ' && c < 0x7f && std::string_view("(){%*\"\\]").find(c) == std::string_view::npos;
  });
}

}  // namespace

FlagWords parseFlagWords(std::string_view text) {
  constexpr std::string_view kBlanks(" \t\r\n\0", 5);
  std::vector<std::string> add;
  std::vector<std::string> remove;
  for (;;) {
    const size_t begin = text.find_first_not_of(kBlanks);
    if (begin == text.npos) break;
    text.remove_prefix(begin);
    std::string_view word = text.substr(0, text.find_first_of(kBlanks));
    text.remove_prefix(word.size());
    const bool takes_away = word.front() == '-';
    if (takes_away || word.front() == '+') word.remove_prefix(1);
    if (word.empty() || (!systemFlags().has(word) && !isKeyword(word)))
      throw Error(Code::invalid, Scope::message, "not a flag: " + std::string(word));
    (takes_away ? remove : add).emplace_back(word);
  }
  FlagWords words{Flags(std::move(add)), Flags(std::move(remove))};
  for (const auto& flag : words.add.names())
    if (words.remove.has(flag))
      throw Error(Code::invalid, Scope::message, flag + " can't be set and taken away");
  return words;
}

}  // namespace emlfs::fs
