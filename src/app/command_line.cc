#include "app/command_line.h"

#include <fmt/format.h>
#include <cstdio>
#include <cstring>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <optional>

#include "app/commands.h"
#include "app/exit_code.h"
#include "app/failure.h"
#include "app/nearest.h"
#include "app/options.h"
#include "app/printable.h"
#include "app/units.h"
#include "emlfs/base/clock.h"

namespace emlfs::app {
namespace {

// -o takes one value each time, so that SOURCE after it is not taken for another.
void addOptionsOption(CLI::App* command, std::vector<std::string>& values) {
  command->add_option("-o", values, "Options, see below; may be repeated")
      ->type_name("NAME[=VALUE],...")
      ->type_size(1)
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->footer(optionHelp());
}

constexpr Milliseconds kLeastInterval{100};

constexpr const char* kMountHelp = "Where it is mounted, or an account's name";
constexpr const char* kMountsHelp =
    "Where it is mounted, an account's name, 'all' accounts, or a directory of mounts";
constexpr const char* kSourceHelp =
    "imaps://user@host[:port], imap://user@host[:port], or an account's name";

}  // namespace

class CommandLine::Definition {
 public:
  Definition() {
    app_.name("emlfs");
    app_.require_subcommand(1);
    app_.set_version_flag("--version", "emlfs " EMLFS_VERSION);
    app_.footer(exitCodeHelp());
    addMount();
    addUmount();
    addStatus();
    addSet();
    addCheck();
    addFetch();
    addFlush();
    addJournal();
    addHidden("undelete", HiddenAction::undelete,
              "Bring back messages that rm has hidden (\\Deleted) in directories, or by name");
    addHidden("expunge", HiddenAction::expunge,
              "Remove for good messages that rm has hidden (\\Deleted) in directories, or by name");
    addCache();
    addComplete();
  }

  const CLI::App& app() const { return app_; }

  int run(int argc, char** argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::Success& help) {
      return app_.exit(help);
    } catch (const CLI::ParseError& error) {
      const std::string line = printable(explain(app_, error, argc, argv));
      ::fprintf(stderr, "emlfs: %s (see 'emlfs --help')\n", line.c_str());
      return static_cast<int>(ExitCode::usage);
    }
    return command_();
  }

 private:
  // Of the words behind the command's name the first that looks like an option and is none of its.
  static std::optional<std::string> unknownOption(const CLI::App& command, int argc, char** argv) {
    std::vector<std::string> known;
    for (const CLI::Option* option : command.get_options())
      for (const auto& name : option->get_lnames()) known.push_back("--" + name);
    for (int i = 1; i < argc && std::string_view(argv[i]) != "--"; ++i) {
      const std::string_view word = std::string_view(argv[i]).substr(0, std::strcspn(argv[i], "="));
      if (!word.starts_with("--") || std::ranges::find(known, word) != known.end()) continue;
      return fmt::format("unknown option '{}'{}", word,
                         suggestion(word, {known.begin(), known.end()}));
    }
    return std::nullopt;
  }

  // For a word that is no command, CLI11 would only say that one is missing; and what is no option,
  // it would only name.
  static std::string explain(const CLI::App& app, const CLI::ParseError& error, int argc,
                             char** argv) {
    const auto option = unknownOption(app, argc, argv);
    if (argc < 2 || argv[1][0] == '-') return option.value_or(error.what());
    const std::string_view word = argv[1];
    std::vector<std::string_view> commands;
    const auto shown = [](const CLI::App* one) { return !one->get_group().empty(); };
    for (const CLI::App* command : app.get_subcommands(shown)) {
      if (command->get_name() == word) return explain(*command, error, argc - 1, argv + 1);
      commands.push_back(command->get_name());
    }
    if (commands.empty()) return option.value_or(error.what());
    return fmt::format("unknown command '{}'{}", word, suggestion(word, commands));
  }

  void addMount() {
    auto* mount = app_.add_subcommand("mount", "Mount an account as a directory");
    mount->add_option("SOURCE", mount_.source, fmt::format("{}, or 'all' accounts", kSourceHelp))
        ->required();
    mount->add_option("MOUNTPOINT", mount_.mount_point,
                      "An empty directory; for an account, default is its mount_point; for 'all', "
                      "the directory that those of the accounts are made in");
    mount->add_flag("-f,--foreground", mount_.foreground,
                    "Stay in the foreground and log to standard error");
    addOptionsOption(mount, mount_.options);
    mount->callback([this] { command_ = [this] { return mountCommand(mount_); }; });
  }

  void addUmount() {
    auto* umount = app_.add_subcommand(
        "umount",
        "Send what is pending, for 30 s at most; unmount; wait until the daemon has ended");
    umount->add_option("MOUNTPOINT", mount_point_, kMountsHelp)->required();
    umount->add_flag("--now", now_, "Leave what is pending for the next mount, as ^C does");
    umount->callback([this] { command_ = [this] { return umountCommand(mount_point_, now_); }; });
  }

  void addStatus() {
    auto* status = app_.add_subcommand(
        "status", "Connection, pending changes, cache, traffic and last errors");
    status->add_option("MOUNTPOINT", mount_point_,
                       fmt::format("{}; default: a line about each of yours", kMountsHelp));
    status->add_flag("--json", json_, "As JSON");
    status->callback([this] { command_ = [this] { return statusCommand(mount_point_, json_); }; });
  }

  void addSet() {
    auto* set = app_.add_subcommand("set", "Change an option of a mount: log_level");
    set->add_option("MOUNTPOINT", mount_point_, kMountHelp)->required();
    set->add_option("NAME=VALUE", assignments_, "Such as log_level=debug")->required();
    set->callback([this] { command_ = [this] { return setCommand(mount_point_, assignments_); }; });
  }

  void addCheck() {
    auto* check = app_.add_subcommand(
        "check", "Connect, log in, and explain what the server can do or what fails");
    check->add_option("SOURCE", mount_.source, fmt::format("{}; default 'all'", kSourceHelp));
    addOptionsOption(check, mount_.options);
    check->callback(
        [this] { command_ = [this] { return checkCommand(mount_.source, mount_.options); }; });
  }

  void addFetch() {
    auto* fetch = app_.add_subcommand(
        "fetch", "Bring the bodies of all messages at or below PATHs into the cache");
    fetch->add_option("PATH", fetch_.paths, "Files and directories in mounts of emlfs")->required();
    fetch->add_flag("-q,--quiet", fetch_.quiet, "Say nothing but what goes wrong");
    fetch->add_option("-j,--jobs", fetch_.threads, "Messages that are read at a time [4]")
        ->type_name("N")
        ->check(CLI::Range(1, 64));
    fetch
        ->add_option("--interval", interval_,
                     "Without a terminal, say so often how far it is [10s]")
        ->type_name("TIME");
    fetch->callback([this] {
      command_ = [this] {
        const auto interval = parseDuration(interval_);
        if (!interval)
          throw badInput(fmt::format("--interval: '{}' is not a duration, such as 10s", interval_));
        if (*interval < kLeastInterval)
          throw badInput(
              fmt::format("--interval: '{}' is too short: 100ms is the least", interval_));
        fetch_.interval = *interval;
        return fetchCommand(fetch_);
      };
    });
  }

  void addFlush() {
    auto* flush = app_.add_subcommand("flush", "Wait until every change has reached the server");
    flush->add_option("MOUNTPOINT", mount_point_, kMountsHelp)->required();
    flush->callback([this] { command_ = [this] { return flushCommand(mount_point_); }; });
  }

  void addJournal() {
    auto* journal =
        app_.add_subcommand("journal",
                            "List changes that are pending or that the server refused; retry, drop "
                            "or export these");
    journal->add_option("MOUNTPOINT", journal_.mount_point, kMountHelp)->required();
    journal->add_option("ACTION", journal_action_, "list, retry, drop or export [list]");
    journal->add_option("N", journal_.words,
                        "Numbers of changes, or 'all'; behind them, for export, a directory");
    journal->add_flag("--json", journal_.json, "List as JSON");
    journal->add_flag("--yes", journal_.yes, "Drop new messages without asking");
    journal->callback([this] {
      command_ = [this] {
        journal_.action = journalAction(journal_action_);
        return journalCommand(journal_);
      };
    });
  }

  static JournalAction journalAction(const std::string& word) {
    if (word == "list") return JournalAction::list;
    if (word == "retry") return JournalAction::retry;
    if (word == "drop") return JournalAction::drop;
    if (word == "export") return JournalAction::save;
    throw badInput(fmt::format("unknown action '{}'{}", word,
                               suggestion(word, {"list", "retry", "drop", "export"})));
  }

  void addHidden(const char* name, HiddenAction action, const char* description) {
    auto* command = app_.add_subcommand(name, description);
    command->add_option("PATH", hidden_.paths, "Directories, or names of deleted messages")
        ->required();
    command->add_flag("-r,--recursive", hidden_.recursive, "Of all directories below, too");
    command->add_flag("-n,--dry-run", hidden_.dry_run, "Only list them");
    if (action == HiddenAction::expunge) command->add_flag("--yes", hidden_.yes, "Without asking");
    command->callback([this, action] {
      hidden_.action = action;
      command_ = [this] { return hiddenCommand(hidden_); };
    });
  }

  void addCache() {
    auto* cache = app_.add_subcommand("cache", "Look into, check or empty an account's cache");
    cache->require_subcommand(1);
    addCacheAction(cache, "info", CacheAction::info, "Say where it is and how much is in it");
    addCacheAction(cache, "verify", CacheAction::verify, "Hold all of it against its checksums");
    addCacheAction(cache, "clear", CacheAction::clear, "Remove it; only while nothing is mounted");
    addCacheAction(cache, "prune", CacheAction::prune, "Remove bodies, the least used first")
        ->add_option("--size", cache_.size, "How much may stay; default is the option cache_size")
        ->type_name("SIZE");
  }

  CLI::App* addCacheAction(CLI::App* cache, const char* name, CacheAction action,
                           const char* description) {
    auto* command = cache->add_subcommand(name, description);
    command->add_option("SOURCE", cache_.source, kSourceHelp)->required();
    addOptionsOption(command, cache_.options);
    command->callback([this, action] {
      cache_.action = action;
      command_ = [this] { return cacheCommand(cache_); };
    });
    return command;
  }

  // Without a group it isn't shown: only the shells' completions call it.
  void addComplete() {
    auto* complete = app_.add_subcommand("complete", "What there is to complete a word with");
    complete->group("");
    complete->add_option("WHAT", complete_, "accounts or mounts");
    complete->callback([this] { command_ = [this] { return completeCommand(complete_); }; });
  }

  CLI::App app_{
      "Mounts an IMAP account as a directory tree: mailboxes are directories, messages "
      "are .eml files."};
  MountArguments mount_;
  FetchArguments fetch_;
  std::string interval_ = "10s";
  CacheArguments cache_;
  std::string mount_point_;
  std::vector<std::string> assignments_;
  bool json_ = false;
  bool now_ = false;
  std::string journal_action_ = "list";
  JournalArguments journal_;
  HiddenArguments hidden_;
  std::string complete_;
  std::function<int()> command_;
};

CommandLine::CommandLine() : definition_(std::make_unique<Definition>()) {}
CommandLine::~CommandLine() = default;

int CommandLine::run(int argc, char** argv) {
  return definition_->run(argc, argv);
}

const CLI::App& CommandLine::app() const {
  return definition_->app();
}

}  // namespace emlfs::app
