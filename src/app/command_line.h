// The command line: every subcommand with its arguments, said once, for the parser, the manual and
// the shells' completions.
#pragma once

#include <memory>

namespace CLI {
class App;
}

namespace emlfs::app {

class CommandLine {
 public:
  CommandLine();
  ~CommandLine();

  // Runs the command that the arguments name and returns its exit code. Throws what the command
  // throws; what is wrong with the arguments themselves is said on standard error.
  int run(int argc, char** argv);

  // For those that describe it.
  const CLI::App& app() const;

 private:
  class Definition;
  std::unique_ptr<Definition> definition_;
};

}  // namespace emlfs::app
