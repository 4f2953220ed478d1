// The subcommands. Each returns the exit code or throws; main turns what is thrown into a line on
// standard error and an exit code.
#pragma once

#include <string>
#include <vector>

#include "emlfs/base/clock.h"

namespace emlfs::app {

struct MountArguments {
  std::string source;
  std::string mount_point;           // empty: that of the config file
  std::vector<std::string> options;  // the values of -o
  bool foreground = false;
};

struct FetchArguments {
  std::vector<std::string> paths;
  unsigned threads = 4;
  Milliseconds interval{10'000};  // between lines, where there is no terminal
  bool quiet = false;
};

enum class CacheAction { info, verify, prune, clear };

struct CacheArguments {
  CacheAction action = CacheAction::info;
  std::string source;
  std::vector<std::string> options;  // the values of -o
  std::string size;                  // for prune; empty: the option cache_size
};

enum class JournalAction { list, retry, drop, save };

struct JournalArguments {
  std::string mount_point;
  JournalAction action = JournalAction::list;
  std::vector<std::string> words;  // numbers or "all"; behind them, for save, a directory
  bool json = false;
  bool yes = false;
};

enum class HiddenAction { undelete, expunge };

struct HiddenArguments {
  HiddenAction action = HiddenAction::undelete;
  std::vector<std::string> paths;
  bool recursive = false;
  bool dry_run = false;
  bool yes = false;
};

int mountCommand(const MountArguments& arguments);
int mountAllCommand(const MountArguments& arguments);  // every account of the config file
// `now`: what is pending is left for the next mount.
int umountCommand(const std::string& mount_point, bool now);
int flushCommand(const std::string& mount_point);
int journalCommand(const JournalArguments& arguments);
int hiddenCommand(const HiddenArguments& arguments);
int statusCommand(const std::string& mount_point, bool json);
// `assignments`: "log_level=debug".
int setCommand(const std::string& mount_point, const std::vector<std::string>& assignments);
int checkCommand(const std::string& source, const std::vector<std::string>& options);
int fetchCommand(const FetchArguments& arguments);
int cacheCommand(const CacheArguments& arguments);
// Prints, a line each, the names of "accounts", or the paths and accounts of "mounts"; of anything
// else nothing.
int completeCommand(const std::string& what);

}  // namespace emlfs::app
