// The subcommands. Each returns the exit code or throws; main turns what is thrown into a line on
// standard error and an exit code.
#pragma once

#include <string>
#include <vector>

#include "emlfs/base/clock.h"

namespace emlfs::app {

struct MountArguments {
  std::string source;
  std::string mount_point;
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

int mountCommand(const MountArguments& arguments);
int umountCommand(const std::string& mount_point);
int statusCommand(const std::string& mount_point, bool json);
int checkCommand(const std::string& source, const std::vector<std::string>& options);
int fetchCommand(const FetchArguments& arguments);
int cacheCommand(const CacheArguments& arguments);

}  // namespace emlfs::app
