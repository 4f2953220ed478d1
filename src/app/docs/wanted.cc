// What each argument is, told by its name in the command line.
#include "app/docs/pages.h"

namespace emlfs::app::docs {

WantedWord wanted(const Command& command, const Word& word) {
  if (auto words = choices(word.help); !words.empty()) return {Wanted::choice, std::move(words)};
  if (word.name == "SOURCE") return {Wanted::source, {}};
  if (word.name == "MOUNTPOINT")
    return {command.path == "mount" ? Wanted::directory : Wanted::mount, {}};
  if (word.name == "PATH") return {Wanted::path, {}};
  if (word.name.starts_with("NAME")) return {Wanted::option, {}};
  return {};
}

WantedWord wanted(const Flag& flag) {
  if (auto words = choices(flag.help); !words.empty()) return {Wanted::choice, std::move(words)};
  if (flag.value.starts_with("NAME")) return {Wanted::option, {}};
  if (flag.value == "PATH") return {Wanted::path, {}};
  return {};
}

}  // namespace emlfs::app::docs
