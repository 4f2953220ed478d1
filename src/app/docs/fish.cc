// The tables of the completion for fish: a `complete` for each word.
#include <fmt/format.h>

#include "app/docs/pages.h"
#include "app/options.h"

namespace emlfs::app::docs {
namespace {

std::string inQuotes(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

std::string action(const WantedWord& word) {
  switch (word.kind) {
    case Wanted::source:
      return fmt::format("-f -a '(__emlfs_sources){}'", word.all ? " all" : "");
    case Wanted::directory:
      return "-f -a '(__fish_complete_directories)'";
    case Wanted::mount:
      return fmt::format("-f -a '(emlfs complete mounts 2>/dev/null){}'", word.all ? " all" : "");
    case Wanted::path:
      return "-F";
    case Wanted::option:
      return "-f -a '(__emlfs_options)'";
    case Wanted::choice:
      return fmt::format("-f -a '{}'", fmt::join(word.choices, " "));
    case Wanted::nothing:
      break;
  }
  return "-f";
}

std::string names(const std::string& at, const std::vector<Name>& names) {
  std::string text;
  for (const Name& one : names)
    text += fmt::format("complete -c emlfs -n {} -f -a {} -d {}\n",
                        inQuotes(at.empty() ? "__emlfs_at" : "__emlfs_at " + at), one.name,
                        inQuotes(one.help));
  return text;
}

std::string subcommands(const CLI::App& app) {
  std::string text = names("", subcommandsOf(app));
  for (const Name& one : subcommandsOf(app))
    text += names(one.name, subcommandsOf(*app.get_subcommand(one.name)));
  return text;
}

std::string line(const Command& command, const Flag& flag) {
  std::string text = fmt::format("complete -c emlfs -n {}", inQuotes("__emlfs_in " + command.path));
  for (const std::string& name : flag.names)
    text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  if (!flag.value.empty()) text += " -r " + action(wanted(flag));
  return text + fmt::format(" -d {}\n", inQuotes(flag.help));
}

// The last word that may be repeated is at its place and all after.
std::string arguments(const std::vector<Command>& commands) {
  std::string text;
  for (const Command& command : commands) {
    size_t place = 0;
    for (const Word& word : command.words)
      text += fmt::format("complete -c emlfs -n {} {} -d {}\n",
                          inQuotes(fmt::format("__emlfs_word {}{} {}", ++place,
                                               word.repeated ? "+" : "", command.path)),
                          action(wanted(command, word)), inQuotes(word.name));
    for (const Flag& flag : command.flags) text += line(command, flag);
  }
  return text;
}

std::string valuedFlags(const std::vector<Command>& commands) {
  std::string text = "        case";
  for (const Command& command : commands)
    for (const Flag& flag : command.flags)
      for (const std::string& name : flag.names)
        if (!flag.value.empty())
          text += fmt::format(" \\\n          {}", inQuotes(command.path + " " + name));
  return text + '\n';
}

// What may follow a comma: names, and for choices names with their values.
std::string options() {
  std::string text;
  const auto add = [&](const std::string& word, std::string_view help) {
    text += fmt::format("    printf '%s%s\\t%s\\n' $before {} {}\n", word, inQuotes(help));
  };
  for (const OptionSpec& spec : commandLineOptions()) {
    const std::string name(spec.name);
    if (spec.kind == Kind::flag)
      add(name, spec.help);
    else if (spec.kind == Kind::choice)
      for (const std::string& value : choices(spec.help))
        add(fmt::format("{}={}", name, value), spec.help);
    else
      add(name + "=", spec.help);
  }
  return text;
}

std::string paths() {
  std::vector<std::string_view> names;
  for (const OptionSpec& spec : commandLineOptions())
    if (spec.kind == Kind::path) names.push_back(spec.name);
  return fmt::format("    set -l paths {}\n", fmt::join(names, " "));
}

}  // namespace

std::vector<Block> fishBlocks(const CLI::App& app) {
  return {{"SUBCOMMANDS", [&app] { return subcommands(app); }},
          {"ARGUMENTS", [&app] { return arguments(commandsOf(app)); }},
          {"VALUED_FLAGS", [&app] { return valuedFlags(commandsOf(app)); }},
          {"OPTIONS", options},
          {"PATH_OPTIONS", paths}};
}

}  // namespace emlfs::app::docs
