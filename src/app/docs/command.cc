#include "app/docs/command.h"

#include <CLI/CLI.hpp>
#include <algorithm>

namespace emlfs::app::docs {
namespace {

Flag flagOf(const CLI::Option& option) {
  Flag flag;
  for (const auto& name : option.get_snames()) flag.names.push_back("-" + name);
  for (const auto& name : option.get_lnames()) flag.names.push_back("--" + name);
  // Behind a colon CLI11 has what the value is checked for.
  const std::string type = option.get_type_name();
  if (option.get_items_expected_max() > 0) flag.value = type.substr(0, type.find(':'));
  flag.help = option.get_description();
  return flag;
}

Command commandOf(const CLI::App& app, const std::string& path) {
  Command command{path, app.get_description(), {}, {}};
  for (const CLI::Option* option : app.get_options()) {
    if (option == app.get_help_ptr()) continue;
    if (option->get_positional())
      command.words.push_back({option->get_name(/*positional=*/true), option->get_description(),
                               option->get_required(), option->get_items_expected_max() > 1});
    else
      command.flags.push_back(flagOf(*option));
  }
  return command;
}

std::vector<const CLI::App*> shownBelow(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* sub) { return !sub->get_group().empty(); });
}

void collect(const CLI::App& app, const std::string& path, std::vector<Command>& commands) {
  for (const CLI::App* sub : shownBelow(app)) {
    const std::string whole = path.empty() ? sub->get_name() : path + " " + sub->get_name();
    if (shownBelow(*sub).empty())
      commands.push_back(commandOf(*sub, whole));
    else
      collect(*sub, whole, commands);
  }
}

}  // namespace

std::vector<Command> commandsOf(const CLI::App& app) {
  std::vector<Command> commands;
  collect(app, {}, commands);
  return commands;
}

std::vector<Name> subcommandsOf(const CLI::App& app) {
  std::vector<Name> names;
  for (const CLI::App* sub : shownBelow(app))
    names.push_back({sub->get_name(), sub->get_description()});
  return names;
}

std::vector<std::string> choices(std::string_view help) {
  std::vector<std::string> words;
  std::string_view list = help.substr(0, help.find_first_of(":["));
  while (list.ends_with(' ')) list.remove_suffix(1);
  if (list.find(" or ") == std::string_view::npos) return {};
  for (;;) {
    const size_t comma = list.find(", ");
    const size_t last = list.find(" or ");
    const size_t end = std::min(comma, last);
    words.emplace_back(list.substr(0, end));
    if (end == std::string_view::npos) break;
    list.remove_prefix(end + (end == last ? 4 : 2));
  }
  const bool plain = std::ranges::none_of(words, [](const std::string& word) {
    return word.empty() || word.find(' ') != std::string::npos;
  });
  return plain ? words : std::vector<std::string>{};
}

}  // namespace emlfs::app::docs
