#include "support/sandbox.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "app/mount_table.h"
#include "emlfs/base/file.h"
#include "support/paths.h"

namespace emlfs::test {
namespace {

// $0 is the home. The password comes on standard input.
const char* const kStart =
    R"(unset CREDENTIALS_DIRECTORY EMLFS_PASSWORD
       IFS= read -r password && [ -n "$password" ] && export EMLFS_PASSWORD="$password"
       unset password
       export HOME="$0" XDG_CONFIG_HOME="$0/config" XDG_CACHE_HOME="$0/cache" \
         XDG_STATE_HOME="$0/state"
       exec "$@")";

}  // namespace

std::vector<std::string> mountsBelow(const std::string& path) {
  std::vector<std::string> found;
  for (auto& entry : app::parseMountInfo(readFile("/proc/self/mountinfo")))
    if (entry.mount_point == path || entry.mount_point.starts_with(path + "/"))
      found.push_back(std::move(entry.mount_point));
  return found;
}

std::vector<std::string> Sandbox::command(const std::vector<std::string>& arguments) const {
  std::vector<std::string> all{"setsid", "--wait", "bash", "-c", kStart, path(), kProgram};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

ProcessResult Sandbox::emlfs(const std::vector<std::string>& arguments,
                             const std::string& password) const {
  return run(command(arguments), password + "\n");
}

std::vector<std::string> Sandbox::shellCommand(const std::string& script) const {
  const std::string directory = std::filesystem::path(kProgram).parent_path();
  return {"setsid", "--wait", "bash", "-c",
          kStart,   path(),   "env",  "PATH=" + directory + ":" + std::getenv("PATH"),
          "bash",   "-eu",    "-c",   "cd " + std::string(kSourceDirectory) + "\n" + script};
}

ProcessResult Sandbox::shell(const std::string& script) const {
  return run(shellCommand(script), "\n");
}

Sandbox::~Sandbox() {
  try {
    const auto left = mountsBelow(path());
    for (auto mount = left.rbegin(); mount != left.rend(); ++mount) {
      ADD_FAILURE() << *mount << " was left mounted";
      run({"umount", "-l", *mount});
    }
  } catch (const std::exception& failure) {
    ADD_FAILURE() << failure.what();
  }
}

}  // namespace emlfs::test
