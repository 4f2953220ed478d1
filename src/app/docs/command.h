// The command line as data, for what is written about it: the manual and the shells' completions.
#pragma once

#include <CLI/App.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace emlfs::app::docs {

struct Flag {
  std::vector<std::string> names;  // "-f", "--foreground"
  std::string value;               // what it takes, such as "SIZE"; empty: nothing
  std::string help;
};

// An argument by its place.
struct Word {
  std::string name;  // "SOURCE"
  std::string help;
  bool required = false;
  bool repeated = false;
};

struct Command {
  std::string path;  // "mount", "cache info"
  std::string help;
  std::vector<Flag> flags;  // but for --help
  std::vector<Word> words;
};

// All that can be run, in the order of the definition; what is hidden is left out.
std::vector<Command> commandsOf(const CLI::App& app);

// "mount", "cache": what may stand first, each with its help.
struct Name {
  std::string name;
  std::string help;
};
std::vector<Name> subcommandsOf(const CLI::App& app);

// The values of a choice: its help begins with them, "flag, trash or expunge: ...". Empty if it
// doesn't.
std::vector<std::string> choices(std::string_view help);

}  // namespace emlfs::app::docs
