// emlfs mount all [DIRECTORY]
#include <fmt/format.h>

#include <cstdio>

#include <algorithm>

#include "app/broken_accounts.h"
#include "app/commands.h"
#include "app/config.h"
#include "app/exit_code.h"
#include "app/failure.h"
#include "app/mount_of.h"
#include "app/mount_point.h"
#include "app/mount_table.h"
#include "app/password.h"
#include "app/paths.h"
#include "app/run_each.h"
#include "app/service_manager.h"
#include "app/supervisor.h"

namespace emlfs::app {
namespace {

// With a DIRECTORY the accounts' own mount points don't count.
void place(Config& config, const std::string& directory) {
  const std::string base = absolutePath(directory);
  for (auto& [name, account] : config.accounts)
    account.options.mount_point = fmt::format("{}/{}", base, name);
}

Task taskOf(const std::string& name, const std::string& mount_point,
            const MountArguments& arguments) {
  Task task{name, {"mount", name, mount_point}};
  for (const auto& option : arguments.options)
    task.arguments.insert(task.arguments.end(), {"-o", option});
  if (arguments.foreground) task.arguments.emplace_back("--foreground");
  return task;
}

// By a mount that works: the command may be given again for those that failed.
bool isMounted(const AccountConfig& account) {
  const auto path = emlfsMountAt(account.options.mount_point);
  return path && isMountOf(*path, account.source);
}

size_t countMounted(const Config& config) {
  return static_cast<size_t>(std::ranges::count_if(
      config.accounts, [](const auto& account) { return isMounted(account.second); }));
}

}  // namespace

int mountAllCommand(const MountArguments& arguments) {
  // It is one account's, and nobody knows of which.
  clearPasswordVariable();
  Config config = loadConfig(configFile());
  if (!arguments.mount_point.empty()) place(config, arguments.mount_point);
  // What is wrong with them is wrong for all.
  for (const auto& option : arguments.options)
    for (auto& [name, account] : config.accounts) applyOptions(account.options, option);
  excludeOverlapping(config);
  int code = reportBroken(config);
  if (config.accounts.empty()) return code;
  std::vector<Task> tasks;
  for (const auto& [name, account] : config.accounts) {
    if (isMounted(account)) continue;
    try {
      makeMountPoint(account.options.mount_point);
      tasks.push_back(taskOf(name, account.options.mount_point, arguments));
    } catch (const Error& error) {
      ::fprintf(stderr, "%s\n", saidBy(name, errorLine(error)).c_str());
      code = static_cast<int>(exitCodeOf(error));
    }
  }
  if (!arguments.foreground) {
    const int others = runEach(tasks);
    if (code == 0) code = others;
    if (code != 0)
      ::fprintf(stderr, "emlfs: %zu of %zu accounts are mounted\n", countMounted(config),
                config.accounts.size() + config.broken.size());
    return code;
  }
  return supervise(tasks, [](const std::string& state) {
    ::fprintf(stderr, "emlfs: %s\n", state.c_str());
    tellReady(state);
  });
}

}  // namespace emlfs::app
