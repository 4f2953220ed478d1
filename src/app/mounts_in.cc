#include "app/mounts_in.h"

#include <fmt/format.h>
#include <unistd.h>
#include <cstdio>

#include <set>

#include "app/config.h"
#include "app/mount_table.h"
#include "app/nearest.h"
#include "app/paths.h"
#include "app/run_each.h"
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

std::string whyNoMount(const std::string& word) {
  if (!isAccountName(word)) return fmt::format("{} does not exist", word);
  try {
    const Config config = loadConfig(configFile());
    if (config.accounts.contains(word) || config.broken.contains(word))
      return fmt::format("account '{}' is not mounted", word);
  } catch (const Error& error) {
    if (error.code != Code::invalid) throw;
  }
  const auto mounts = mountsByName();
  std::vector<std::string_view> names;
  names.reserve(mounts.size());
  for (const MountEntry& mount : mounts) names.push_back(mount.source);
  const auto meant = nearest(word, names);
  return fmt::format("{} does not exist, and no account of this name is mounted by you{}", word,
                     meant ? fmt::format(": did you mean '{}'?", *meant) : "");
}

std::optional<std::vector<std::string>> mountsIn(const std::string& word) {
  if (word == kAllAccounts) return mountsOfAccounts();
  if (mountNamed(word)) return std::nullopt;
  // Whoever would have to follow what is in a mount might wait for its daemon.
  const auto holding = mountHolding(mountTable(), absolutePath(word));
  if (holding && holding->fs_type == kFsType) return std::nullopt;
  const auto canonical = canonicalPath(word);
  if (!canonical) return std::nullopt;
  std::vector<std::string> found;
  const std::string inside = *canonical == "/" ? *canonical : *canonical + "/";
  for (auto& path : allMounts()) {
    if (path == *canonical) return std::nullopt;
    if (path.starts_with(inside) && path.find('/', inside.size()) == std::string::npos)
      found.push_back(std::move(path));
  }
  return found.empty() ? std::nullopt : std::optional(std::move(found));
}

int runOnEach(const std::string& command, const std::vector<std::string>& mounts,
              const std::vector<std::string>& flags) {
  if (mounts.empty()) ::fprintf(stderr, "emlfs: no account is mounted\n");
  std::vector<Task> tasks;
  for (const auto& mount : mounts) {
    Task task{mount, {command, mount}};
    task.arguments.insert(task.arguments.end(), flags.begin(), flags.end());
    tasks.push_back(std::move(task));
  }
  return runEach(tasks);
}

}  // namespace emlfs::app
