#include "app/mounts_in.h"

#include <unistd.h>

#include <set>

#include "app/config.h"
#include "app/mount_table.h"
#include "app/paths.h"
#include "app/source.h"
#include "emlfs/base/file.h"

namespace emlfs::app {

namespace {

std::vector<MountEntry> mountTable() {
  return parseMountInfo(readFile("/proc/self/mountinfo"));
}

std::vector<std::string> mountsOf(std::optional<uid_t> user) {
  std::set<std::string> paths;
  for (auto& entry : mountTable())
    if (entry.fs_type == kFsType && (!user || entry.user == user))
      paths.insert(std::move(entry.mount_point));
  return {paths.begin(), paths.end()};
}

std::optional<std::string> mountNamed(const Config& config, const std::string& name) {
  if (const auto at = config.accounts.find(name); at != config.accounts.end())
    if (auto path = emlfsMountAt(at->second.options.mount_point)) return path;
  const auto elsewhere = mountFrom(mountTable(), name, ::getuid());
  return elsewhere ? std::optional(elsewhere->mount_point) : std::nullopt;
}

std::vector<std::string> mountsOfAccounts() {
  std::set<std::string> paths;
  Config config;
  try {
    config = loadConfig(configFile());
  } catch (const Error& error) {
    if (error.code != Code::invalid) throw;
    // What is mounted can be unmounted, whatever is wrong with the file now.
    for (auto& entry : mountsByName()) paths.insert(std::move(entry.mount_point));
  }
  const auto add = [&](const std::string& name) {
    if (auto path = mountNamed(config, name)) paths.insert(std::move(*path));
  };
  for (const auto& [name, account] : config.accounts) add(name);
  for (const auto& [name, error] : config.broken) add(name);
  return {paths.begin(), paths.end()};
}

}  // namespace

std::vector<std::string> allMounts() {
  return mountsOf({});
}

std::vector<std::string> ownMounts() {
  return mountsOf(::getuid());
}

std::vector<MountEntry> mountsByName() {
  auto mounts = mountTable();
  std::erase_if(mounts, [](const MountEntry& entry) {
    return entry.fs_type != kFsType || entry.user != ::getuid() || !isAccountName(entry.source);
  });
  return mounts;
}

std::optional<std::string> mountNamed(const std::string& account) {
  if (!isAccountName(account)) return std::nullopt;
  try {
    return mountNamed(loadConfig(configFile()), account);
  } catch (const Error& error) {
    if (error.code != Code::invalid) throw;
    return mountNamed(Config(),
                      account);  // what is mounted can be unmounted, whatever is wrong there
  }
}

std::vector<std::string> mountsIn(const std::string& word) {
  if (word == kAllAccounts) return mountsOfAccounts();
  if (mountNamed(word)) return {};
  // Whoever would have to follow what is in a mount might wait for its daemon.
  const auto holding = mountHolding(mountTable(), absolutePath(word));
  if (holding && holding->fs_type == kFsType) return {};
  const auto canonical = canonicalPath(word);
  std::vector<std::string> found;
  if (!canonical) return found;
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
