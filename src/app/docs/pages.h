// The blocks of the manual pages that the program's own tables say, in man(7), and of the shells'
// completions. Each is what stands in a template (docs/) for @NAME@ alone on its line.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "app/docs/command.h"
#include "app/options.h"

namespace emlfs::app::docs {

// Text that no formatter takes for a request or an escape.
std::string roff(std::string_view text);

std::string manualSynopsis(const std::vector<Command>& commands);
std::string manualCommands(const std::vector<Command>& commands);
std::string manualOptions(const std::vector<OptionSpec>& options);
std::string manualExitCodes();

// What a shell completes a word with.
enum class Wanted { nothing, source, directory, mount, path, choice, option };
struct WantedWord {
  Wanted kind = Wanted::nothing;
  std::vector<std::string> choices;
  bool all = false;  // 'all' accounts, too
};
WantedWord wanted(const Command& command, const Word& word);
WantedWord wanted(const Flag& flag);  // for its value

// Blocks by name.
using Block = std::pair<std::string_view, std::function<std::string()>>;
std::vector<Block> bashBlocks(const CLI::App& app);
std::vector<Block> zshBlocks(const CLI::App& app);
std::vector<Block> fishBlocks(const CLI::App& app);

}  // namespace emlfs::app::docs
