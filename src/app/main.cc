// emlfs: the command line, and the place where errors become exit codes.
#include <fmt/format.h>
#include <cstdio>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>

#include "app/commands.h"
#include "app/exit_code.h"
#include "app/nearest.h"
#include "app/options.h"
#include "app/printable.h"

namespace {

using namespace emlfs::app;

// -o takes one value each time, so that SOURCE after it is not taken for another.
void addOptionsOption(CLI::App* command, std::vector<std::string>& values) {
  command->add_option("-o", values, "Options, see below; may be repeated")
      ->type_name("NAME[=VALUE],...")
      ->type_size(1)
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->footer(optionHelp());
}

constexpr const char* kSourceHelp =
    "imaps://user@host[:port], imap://user@host[:port], or an account's name";

class CommandLine {
 public:
  CommandLine() {
    app_.name("emlfs");
    app_.require_subcommand(1);
    app_.set_version_flag("--version", "emlfs " EMLFS_VERSION);
    app_.footer(exitCodeHelp());
    addMount();
    addUmount();
    addStatus();
    addCheck();
  }

  int run(int argc, char** argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::Success& help) {
      return app_.exit(help);
    } catch (const CLI::ParseError& error) {
      const std::string line = printable(explain(error, argc, argv));
      ::fprintf(stderr, "emlfs: %s (see 'emlfs --help')\n", line.c_str());
      return static_cast<int>(ExitCode::usage);
    }
    return command_();
  }

 private:
  // For a word that is no command, CLI11 would only say that one is missing.
  std::string explain(const CLI::ParseError& error, int argc, char** argv) const {
    if (argc < 2 || argv[1][0] == '-') return error.what();
    const std::string_view word = argv[1];
    std::vector<std::string_view> commands;
    for (const CLI::App* command : app_.get_subcommands([](const CLI::App*) { return true; }))
      commands.push_back(command->get_name());
    if (std::find(commands.begin(), commands.end(), word) != commands.end()) return error.what();
    return fmt::format("unknown command '{}': did you mean '{}'?", word, *nearest(word, commands));
  }

  void addMount() {
    auto* mount = app_.add_subcommand("mount", "Mount an account as a directory");
    mount->add_option("SOURCE", mount_.source, kSourceHelp)->required();
    mount->add_option("MOUNTPOINT", mount_.mount_point, "An empty directory")->required();
    mount->add_flag("-f,--foreground", mount_.foreground,
                    "Stay in the foreground and log to standard error");
    addOptionsOption(mount, mount_.options);
    mount->callback([this] { command_ = [this] { return mountCommand(mount_); }; });
  }

  void addUmount() {
    auto* umount = app_.add_subcommand("umount", "Unmount, and wait until the daemon has ended");
    umount->add_option("MOUNTPOINT", mount_point_, "Where it is mounted")->required();
    umount->callback([this] { command_ = [this] { return umountCommand(mount_point_); }; });
  }

  void addStatus() {
    auto* status = app_.add_subcommand("status", "Connection, cache, traffic and last errors");
    status->add_option("MOUNTPOINT", mount_point_, "Where it is mounted")->required();
    status->add_flag("--json", json_, "As JSON");
    status->callback([this] { command_ = [this] { return statusCommand(mount_point_, json_); }; });
  }

  void addCheck() {
    auto* check = app_.add_subcommand(
        "check", "Connect, log in, and explain what the server can do or what fails");
    check->add_option("SOURCE", mount_.source, kSourceHelp)->required();
    addOptionsOption(check, mount_.options);
    check->callback(
        [this] { command_ = [this] { return checkCommand(mount_.source, mount_.options); }; });
  }

  CLI::App app_{
      "Mounts an IMAP account as a directory tree: mailboxes are directories, messages "
      "are .eml files."};
  MountArguments mount_;
  std::string mount_point_;
  bool json_ = false;
  std::function<int()> command_;
};

}  // namespace

int main(int argc, char** argv) {
  try {
    return CommandLine().run(argc, argv);
  } catch (const std::exception& error) {
    ::fprintf(stderr, "emlfs: %s\n", errorLine(error).c_str());
    return static_cast<int>(exitCodeOf(error));
  }
}
