// emlfs complete accounts|mounts: for the shells' completions, in the middle of somebody's typing.
#include <cstdio>

#include "app/commands.h"
#include "app/config.h"
#include "app/exit_code.h"
#include "app/mounts_in.h"
#include "app/paths.h"
#include "app/printable.h"

namespace emlfs::app {
namespace {

std::vector<std::string> accounts() {
  std::vector<std::string> names;
  for (const auto& [name, account] : loadConfig(configFile()).accounts) names.push_back(name);
  return names;
}

// As paths, and by the names of their accounts.
std::vector<std::string> mounts() {
  std::vector<std::string> words = ownMounts();
  for (const MountEntry& entry : mountsByName()) words.push_back(entry.source);
  return words;
}

}  // namespace

int completeCommand(const std::string& what) {
  std::vector<std::string> words;
  try {
    if (what == "accounts") words = accounts();
    if (what == "mounts") words = mounts();
  } catch (const std::exception&) {
    // Whoever types a command gets no error of another; the command itself will say it.
    words.clear();
  }
  for (const std::string& word : words)
    if (printable(word) == word) ::printf("%s\n", word.c_str());
  return static_cast<int>(ExitCode::ok);
}

}  // namespace emlfs::app
