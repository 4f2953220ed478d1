// The tables of the completion for zsh: specifications for _describe, _arguments and _values.
#include <fmt/format.h>

#include "app/docs/pages.h"
#include "app/options.h"

namespace emlfs::app::docs {
namespace {

std::string inQuotes(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// In a specification these have a meaning.
std::string plain(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string action(const WantedWord& word) {
  switch (word.kind) {
    case Wanted::source:
      return word.all ? "_emlfs_sources_or_all" : "_emlfs_sources";
    case Wanted::directory:
      return "_files -/";
    case Wanted::mount:
      return word.all ? "_emlfs_mounts_or_all" : "_emlfs_mounts";
    case Wanted::path:
      return "_files";
    case Wanted::option:
      return "_emlfs_options";
    case Wanted::choice:
      return fmt::format("({})", fmt::join(word.choices, " "));
    case Wanted::nothing:
      break;
  }
  return " ";
}

std::string described(const std::vector<Name>& names) {
  std::string text;
  for (const Name& one : names)
    text += fmt::format("    {}\n", inQuotes(one.name + ":" + plain(one.help)));
  return text;
}

std::string subcommandsOfOthers(const CLI::App& app) {
  std::string text;
  for (const Name& one : subcommandsOf(app)) {
    const auto below = subcommandsOf(*app.get_subcommand(one.name));
    if (!below.empty())
      text += fmt::format("  {})\n  names=(\n{}  ) ;;\n", one.name, described(below));
  }
  return text;
}

std::string specification(const Flag& flag, const std::string& name) {
  // What takes a value may come again; the rest not, by any of its names.
  std::string text = flag.value.empty() ? fmt::format("({})", fmt::join(flag.names, " ")) : "*";
  text += fmt::format("{}[{}]", name, plain(flag.help));
  if (!flag.value.empty()) text += fmt::format(":{}:{}", plain(flag.value), action(wanted(flag)));
  return text;
}

std::string arguments(const std::vector<Command>& commands) {
  std::string text;
  for (const Command& command : commands) {
    text +=
        fmt::format("  {})\n  specs=(\n    '--help[Say what it does]'\n", inQuotes(command.path));
    for (const Flag& flag : command.flags)
      for (const std::string& name : flag.names)
        text += fmt::format("    {}\n", inQuotes(specification(flag, name)));
    for (const Word& word : command.words)
      text += fmt::format(
          "    {}\n", inQuotes(fmt::format("{}:{}:{}", word.repeated ? "*" : "", plain(word.name),
                                           action(wanted(command, word)))));
    text += "  ) ;;\n";
  }
  return text;
}

std::string valueAction(const OptionSpec& spec) {
  switch (spec.kind) {
    case Kind::flag:
      return "(yes no)";
    case Kind::choice:
      return fmt::format("({})", fmt::join(choices(spec.help), " "));
    case Kind::path:
      return "_files";
    case Kind::user:
      return "_users";
    case Kind::group:
      return "_groups";
    default:
      return " ";
  }
}

std::string options() {
  std::string text;
  for (const OptionSpec& spec : commandLineOptions())
    text += fmt::format(
        "    {}\n", inQuotes(fmt::format("{}[{}]{}:value:{}", spec.name, plain(spec.help),
                                         spec.kind == Kind::flag ? ":" : "", valueAction(spec))));
  return text;
}

}  // namespace

std::vector<Block> zshBlocks(const CLI::App& app) {
  return {{"SUBCOMMANDS", [&app] { return described(subcommandsOf(app)); }},
          {"SUBCOMMANDS_BELOW", [&app] { return subcommandsOfOthers(app); }},
          {"ARGUMENTS", [&app] { return arguments(commandsOf(app)); }},
          {"OPTIONS", options}};
}

}  // namespace emlfs::app::docs
