// What each argument is, told by its name in the command line.
#include "app/docs/pages.h"

namespace emlfs::app::docs {

WantedWord wanted(const Command& command, const Word& word) {
  if (auto words = choices(word.help); !words.empty()) return {Wanted::choice, std::move(words)};
  const bool all = word.help.find("'all'") != std::string::npos;
  if (word.name == "SOURCE") return {Wanted::source, {}, all};
  if (word.name == "MOUNTPOINT" && command.path == "mount") return {Wanted::directory, {}};
  if (word.name == "MOUNTPOINT") return {Wanted::mount, {}, all};
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
