// What is mounted where: /proc/self/mountinfo, proc(5).
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace emlfs::app {

constexpr std::string_view kFsType = "fuse.emlfs";

struct MountEntry {
  std::string mount_point;
  std::string fs_type;
  std::string source;
  std::optional<uid_t> user = {};  // who mounted it, where the file system says so, as FUSE does
  bool operator==(const MountEntry&) const = default;
};

// Lines that aren't as documented are left out. The kernel's octal escapes (\040) are undone.
std::vector<MountEntry> parseMountInfo(std::string_view text);

// The topmost mount on exactly this path. Throws Error(system).
std::optional<MountEntry> findMount(const std::string& path);

// The number of the FUSE connection behind the topmost mount on this path, as in
// /sys/fs/fuse/connections; absent if nothing is mounted there. Throws Error(system).
std::optional<std::string> connectionNumber(const std::string& path);

// For absolute paths without '/' at their end.
bool isAtOrBelow(std::string_view path, std::string_view directory);

// The mount that holds `path`, which is as canonicalPath() gives it; of several on one path the
// topmost. Absent only without a mount on "/".
std::optional<MountEntry> mountHolding(const std::vector<MountEntry>& mounts,
                                       std::string_view path);

// The mount of emlfs that `user` made from `source`, of several the last.
std::optional<MountEntry> mountFrom(const std::vector<MountEntry>& mounts, std::string_view source,
                                    uid_t user);

// `path` without symbolic links, as the mount table has it, also if a dead FUSE file system is
// mounted there. Absent if it doesn't exist. Throws Error(invalid). Asks no daemon, so it can't
// hang on one.
std::optional<std::string> canonicalPath(const std::string& path);

// `path` without symbolic links, if the topmost mount there is one of emlfs. Throws Error(system).
std::optional<std::string> emlfsMountAt(const std::string& path);

}  // namespace emlfs::app
