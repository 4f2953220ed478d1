// The subcommands. Each returns the exit code or throws; main turns what is thrown into a line on
// standard error and an exit code.
#pragma once

#include <string>
#include <vector>

namespace emlfs::app {

struct MountArguments {
  std::string source;
  std::string mount_point;
  std::vector<std::string> options;  // the values of -o
  bool foreground = false;
};

int mountCommand(const MountArguments& arguments);
int umountCommand(const std::string& mount_point);
int statusCommand(const std::string& mount_point, bool json);
int checkCommand(const std::string& source, const std::vector<std::string>& options);

}  // namespace emlfs::app
