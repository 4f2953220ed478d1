// emlfs-docs TEMPLATES OUTPUT DATE: writes the manual and the shells' completions from the tables
// that the program itself goes by, so that they can't disagree. Part of the build, not installed.
#include <fmt/format.h>
#include <cstdio>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "app/command_line.h"
#include "app/docs/pages.h"
#include "app/options.h"
#include "emlfs/base/file.h"

namespace emlfs::app::docs {
namespace {

// A line "@NAME@" is replaced by its block; @VERSION@ and @DATE@ also within a line.
std::string filled(const std::string& path, const std::vector<Block>& blocks,
                   const std::string& date) {
  std::istringstream lines(readFile(path));
  std::string out;
  for (std::string line; std::getline(lines, line);) {
    const bool is_block = line.size() > 2 && line.front() == '@' && line.back() == '@';
    if (is_block) {
      const std::string name = line.substr(1, line.size() - 2);
      const auto block = std::ranges::find(blocks, name, &Block::first);
      if (block == blocks.end())
        throw std::runtime_error(fmt::format("{}: there is no block {}", path, line));
      out += block->second();
      continue;
    }
    for (const auto& [name, value] :
         {std::pair<std::string, std::string>("@VERSION@", EMLFS_VERSION), {"@DATE@", date}})
      for (size_t at; (at = line.find(name)) != std::string::npos;)
        line.replace(at, name.size(), value);
    out += line + '\n';
  }
  return out;
}

void write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) throw std::runtime_error("can't write " + path.string());
}

void run(const std::filesystem::path& templates, const std::filesystem::path& output,
         const std::string& date) {
  const CommandLine command_line;
  const CLI::App& app = command_line.app();
  const auto commands = commandsOf(app);
  const std::vector<Block> manual{{"SYNOPSIS", [&] { return manualSynopsis(commands); }},
                                  {"COMMANDS", [&] { return manualCommands(commands); }},
                                  {"OPTIONS", [] { return manualOptions(commandLineOptions()); }},
                                  {"EXIT_CODES", manualExitCodes}};
  const auto table = optionTable();
  const std::vector<Block> config{
      {"OPTIONS", [&] { return manualOptions({table.begin(), table.end()}); }}};
  const auto make = [&](const char* from, const char* to, const std::vector<Block>& blocks) {
    write(output / to, filled(templates / from, blocks, date));
  };
  make("man/emlfs.1.in", "emlfs.1", manual);
  make("man/emlfs.toml.5.in", "emlfs.toml.5", config);
  make("completions/emlfs.bash.in", "emlfs.bash", bashBlocks(app));
  make("completions/_emlfs.in", "_emlfs", zshBlocks(app));
  make("completions/emlfs.fish.in", "emlfs.fish", fishBlocks(app));
}

}  // namespace
}  // namespace emlfs::app::docs

int main(int argc, char** argv) {
  try {
    if (argc != 4) throw std::runtime_error("usage: emlfs-docs TEMPLATES OUTPUT DATE");
    emlfs::app::docs::run(argv[1], argv[2], argv[3]);
    return 0;
  } catch (const std::exception& error) {
    ::fprintf(stderr, "emlfs-docs: %s\n", error.what());
    return 1;
  }
}
