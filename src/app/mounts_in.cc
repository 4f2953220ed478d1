#include "app/mounts_in.h"

#include <set>

#include "app/config.h"
#include "app/mount_table.h"
#include "app/paths.h"
#include "app/source.h"
#include "emlfs/base/file.h"

namespace emlfs::app {

namespace {

std::vector<std::string> mountsOfAccounts() {
  std::vector<std::string> paths;
  for (const auto& [name, account] : loadConfig(configFile()).accounts)
    if (auto path = emlfsMountAt(account.options.mount_point)) paths.push_back(std::move(*path));
  return paths;
}

}  // namespace

std::vector<std::string> allMounts() {
  std::set<std::string> paths;
  for (auto& entry : parseMountInfo(readFile("/proc/self/mountinfo")))
    if (entry.fs_type == kFsType) paths.insert(std::move(entry.mount_point));
  return {paths.begin(), paths.end()};
}

std::vector<std::string> mountsIn(const std::string& directory) {
  // Whoever would have to follow what is in a mount might wait for its daemon.
  const auto holding =
      mountHolding(parseMountInfo(readFile("/proc/self/mountinfo")), absolutePath(directory));
  if (holding && holding->fs_type == kFsType) return {};
  const auto canonical = canonicalPath(directory);
  std::vector<std::string> found;
  if (!canonical) return directory == kAllAccounts ? mountsOfAccounts() : found;
  const std::string inside = *canonical == "/" ? *canonical : *canonical + "/";
  for (auto& path : allMounts()) {
    if (path == *canonical) return {};
    if (path.starts_with(inside) && path.find('/', inside.size()) == std::string::npos)
      found.push_back(std::move(path));
  }
  return found;
}

std::vector<Task> tasksFor(const std::string& command, const std::vector<std::string>& mounts,
                           const std::vector<std::string>& flags) {
  std::vector<Task> tasks;
  for (const auto& mount : mounts) {
    Task task{mount, {command, mount}};
    task.arguments.insert(task.arguments.end(), flags.begin(), flags.end());
    tasks.push_back(std::move(task));
  }
  return tasks;
}

}  // namespace emlfs::app
