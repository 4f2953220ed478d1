#include "app/mount_point.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <sstream>

#include "app/failure.h"
#include "app/live_status.h"
#include "app/mount_table.h"
#include "app/unmount.h"
#include "emlfs/base/file.h"

namespace emlfs::app {
namespace {

constexpr Milliseconds kAnswerLimit{5000};

void clearMounts(const std::string& path, std::vector<std::string>& notices) {
  while (const auto mounted = findMount(path)) {
    if (mounted->fs_type != kFsType)
      throw failure(Code::busy, fmt::format("{} already has a {} file system mounted on it", path,
                                            mounted->fs_type));
    if (askMount(path, kAnswerLimit).answer != Answer::dead)
      throw failure(Code::busy,
                    fmt::format("{0} already has {1} mounted on it: 'emlfs umount {0}' first", path,
                                mounted->source));
    unmount(path, Detach::lazy);
    notices.push_back(fmt::format("{}: took away the mount of an emlfs that had died", path));
  }
}

}  // namespace

std::string prepareMountPoint(const std::string& path, std::vector<std::string>& notices) {
  const auto found = canonicalPath(path);
  if (!found)
    throw badInput(fmt::format("mount point {0} does not exist: 'mkdir {0}' first", path));
  const std::string& canonical = *found;
  clearMounts(canonical, notices);
  struct stat st{};
  if (::stat(canonical.c_str(), &st) != 0)
    throw badInput(systemError("mount point " + path, errno).what());
  if (!S_ISDIR(st.st_mode)) throw badInput(fmt::format("mount point {} is not a directory", path));

  std::error_code error;
  const bool empty = std::filesystem::is_empty(canonical, error);
  if (error) throw badInput(systemError("mount point " + path, error.value()).what());
  if (!empty)
    throw failure(Code::busy,
                  fmt::format("mount point {} is not empty: what is in it would be hidden", path));
  // fusermount3's own rule; its message doesn't say so.
  if (::geteuid() != 0 && ::access(canonical.c_str(), W_OK) != 0)
    throw badInput(fmt::format("mount point {} must be a directory that you can write to", path));
  return canonical;
}

void makeMountPoint(const std::string& path) {
  // A dead mount is in the table, too, and can't be asked.
  if (findMount(path)) return;
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error)
    throw badInput(systemError("can't make the mount point " + path, error.value()).what());
}

bool allowsOther(const std::string& fuse_conf_text) {
  std::istringstream lines(fuse_conf_text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string first;
    if (words >> first && first == "user_allow_other") return true;
  }
  return false;
}

void checkAllowOther(const std::string& fuse_conf) {
  if (::geteuid() == 0) return;
  std::error_code error;
  const bool exists = std::filesystem::exists(fuse_conf, error);
  if (exists && allowsOther(readFile(fuse_conf))) return;
  throw badInput(fmt::format(
      "allow_other needs the line 'user_allow_other' in {}: root has to add it", fuse_conf));
}

}  // namespace emlfs::app
