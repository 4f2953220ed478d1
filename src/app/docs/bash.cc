// The tables of the completion for bash: branches of `case`, each assigning an answer.
#include <fmt/format.h>

#include "app/docs/pages.h"
#include "app/options.h"

namespace emlfs::app::docs {
namespace {

// What stands for a kind in docs/completions/emlfs.bash.
std::string code(const WantedWord& word) {
  switch (word.kind) {
    case Wanted::source:
      return word.all ? "source+all" : "source";
    case Wanted::directory:
      return "directory";
    case Wanted::mount:
      return word.all ? "mount+all" : "mount";
    case Wanted::path:
      return "path";
    case Wanted::option:
      return "option";
    case Wanted::choice:
      return fmt::format("={}", fmt::join(word.choices, "="));
    case Wanted::nothing:
      break;
  }
  return "nothing";
}

std::string branch(std::string_view pattern, const std::vector<std::string>& words) {
  return fmt::format("    \"{}\") answer=\"{}\" ;;\n", pattern, fmt::join(words, " "));
}

std::string firstWords(const CLI::App& app) {
  std::string text;
  std::vector<std::string> names{"--help", "--version"};
  for (const Name& one : subcommandsOf(app)) names.push_back(one.name);
  text += branch("", names);
  for (const Name& one : subcommandsOf(app)) {
    std::vector<std::string> below;
    for (const Name& sub : subcommandsOf(*app.get_subcommand(one.name))) below.push_back(sub.name);
    if (!below.empty()) text += branch(one.name, below);
  }
  return text;
}

std::string flags(const std::vector<Command>& commands) {
  std::string text;
  for (const Command& command : commands) {
    std::vector<std::string> names{"--help"};
    for (const Flag& flag : command.flags)
      names.insert(names.end(), flag.names.begin(), flag.names.end());
    text += branch(command.path, names);
  }
  return text;
}

std::string flagValues(const std::vector<Command>& commands) {
  std::string text;
  for (const Command& command : commands)
    for (const Flag& flag : command.flags)
      for (const std::string& name : flag.names)
        if (!flag.value.empty()) text += branch(command.path + " " + name, {code(wanted(flag))});
  return text;
}

// A last word that may be repeated ends in '*'.
std::string words(const std::vector<Command>& commands) {
  std::string text;
  for (const Command& command : commands) {
    std::vector<std::string> codes;
    codes.reserve(command.words.size());
    for (const Word& word : command.words)
      codes.push_back(code(wanted(command, word)) + (word.repeated ? "*" : ""));
    text += branch(command.path, codes);
  }
  return text;
}

std::string options() {
  std::vector<std::string> names;
  for (const OptionSpec& spec : commandLineOptions())
    names.push_back(std::string(spec.name) + (spec.kind == Kind::flag ? "" : "="));
  return fmt::format("  answer=\"{}\"\n", fmt::join(names, " "));
}

std::string optionValues() {
  std::string text;
  for (const OptionSpec& spec : commandLineOptions()) {
    if (spec.kind == Kind::choice)
      text += branch(spec.name, choices(spec.help));
    else if (spec.kind == Kind::flag)
      text += branch(spec.name, {"yes", "no"});
    else if (spec.kind == Kind::path || spec.kind == Kind::user || spec.kind == Kind::group)
      text += fmt::format("    {}) answer=@{} ;;\n", spec.name,
                          spec.kind == Kind::path   ? "file"
                          : spec.kind == Kind::user ? "user"
                                                    : "group");
  }
  return text;
}

}  // namespace

std::vector<Block> bashBlocks(const CLI::App& app) {
  return {{"SUBCOMMANDS", [&app] { return firstWords(app); }},
          {"FLAGS", [&app] { return flags(commandsOf(app)); }},
          {"FLAG_VALUES", [&app] { return flagValues(commandsOf(app)); }},
          {"WORDS", [&app] { return words(commandsOf(app)); }},
          {"OPTIONS", options},
          {"OPTION_VALUES", optionValues}};
}

}  // namespace emlfs::app::docs
