// emlfs set MOUNTPOINT NAME=VALUE
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "app/commands.h"
#include "app/exit_code.h"
#include "app/failure.h"
#include "app/live_status.h"
#include "app/mount_attribute.h"
#include "app/nearest.h"
#include "app/options.h"

namespace emlfs::app {
namespace {

constexpr std::string_view kLogLevel = "log_level";

void requireChangeable(std::string_view name) {
  if (name == kLogLevel) return;
  const auto table = optionTable();
  const bool is_option = std::ranges::find(table, name, &OptionSpec::name) != table.end();
  if (is_option)
    throw badInput(
        fmt::format("option {} can't be changed while it is mounted: umount and mount again; "
                    "what can be: {}",
                    name, kLogLevel));
  throw badInput(fmt::format("unknown option '{}'{}", name, suggestion(name, {kLogLevel})));
}

}  // namespace

int setCommand(const std::string& path, const std::vector<std::string>& assignments) {
  std::vector<Assignment> all;
  Options checked;
  for (const std::string& text : assignments)
    for (const Assignment& one : splitOptions(text)) {
      requireChangeable(one.name);
      setOption(checked, one.name, one.value);
      all.push_back(one);
    }
  const std::string mount_point = requireEmlfsMount(path);
  requireAnswer({mount_point, path});
  // By reading it: an attribute of a mount that is read-only can't be set.
  for (const Assignment& one : all)
    readAttribute(mount_point, fmt::format("user.emlfs.{}={}", one.name, one.value.value_or("")));
  return static_cast<int>(ExitCode::ok);
}

}  // namespace emlfs::app
