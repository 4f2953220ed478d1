#include "app/become_user.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "app/failure.h"
#include "app/units.h"

namespace emlfs::app {
namespace {

// Of who started us; his files are none of this user's business.
constexpr const char* kCallers[] = {
    "XDG_CONFIG_HOME", "XDG_CACHE_HOME",          "XDG_STATE_HOME",        "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR", "EMLFS_PASSWORD",          "CREDENTIALS_DIRECTORY", "MAIL",
    "OLDPWD",          "DBUS_SESSION_BUS_ADDRESS"};

passwd entryOf(const std::string& user) {
  const passwd* entry = ::getpwnam(user.c_str());
  if (entry == nullptr)
    if (const auto id = parseNumber(user)) entry = ::getpwuid(static_cast<uid_t>(*id));
  if (entry == nullptr) throw badInput(fmt::format("setuid: there is no user '{}'", user));
  return *entry;
}

bool isDirectoryOf(const std::string& path, uid_t user) {
  struct stat st{};
  return ::stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == user;
}

}  // namespace

void becomeUser(const std::string& user) {
  if (::getuid() != 0 || ::geteuid() != 0)
    throw badInput("setuid: only root can mount for another user");
  const passwd entry = entryOf(user);
  if (::initgroups(entry.pw_name, entry.pw_gid) != 0 || ::setgid(entry.pw_gid) != 0 ||
      ::setuid(entry.pw_uid) != 0)
    throw systemError("setuid: " + user, errno);
  for (const char* name : kCallers) ::unsetenv(name);
  ::setenv("HOME", entry.pw_dir, 1);
  ::setenv("USER", entry.pw_name, 1);
  ::setenv("LOGNAME", entry.pw_name, 1);
  ::setenv("SHELL", entry.pw_shell, 1);
  const std::string runtime = fmt::format("/run/user/{}", entry.pw_uid);
  if (isDirectoryOf(runtime, entry.pw_uid)) ::setenv("XDG_RUNTIME_DIR", runtime.c_str(), 1);
}

}  // namespace emlfs::app
