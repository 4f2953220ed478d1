#include "app/mount_table.h"

#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdlib>
#include <memory>

#include "app/failure.h"
#include "app/paths.h"
#include "emlfs/base/file.h"

namespace emlfs::app {
namespace {

bool isOctal(char c) {
  return c >= '0' && c <= '7';
}

std::string unescaped(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (text.size() >= 4 && text[0] == '\\' && isOctal(text[1]) && isOctal(text[2]) &&
        isOctal(text[3])) {
      out += static_cast<char>((text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0'));
      text.remove_prefix(4);
    } else {
      out += text.front();
      text.remove_prefix(1);
    }
  }
  return out;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::optional<uid_t> userOf(std::string_view super_options) {
  constexpr std::string_view kUser = "user_id=";
  for (const std::string_view option : split(super_options, ',')) {
    uid_t user = 0;
    const char* const end = option.data() + option.size();
    if (option.starts_with(kUser) &&
        std::from_chars(option.data() + kUser.size(), end, user).ptr == end)
      return user;
  }
  return std::nullopt;
}

// 36 35 98:0 /root /mount/point options optional... - fs_type source super_options
std::optional<MountEntry> parseLine(std::string_view line) {
  const auto fields = split(line, ' ');
  constexpr size_t kFirstOptional = 6;
  for (size_t i = kFirstOptional; i + 2 < fields.size(); ++i)
    if (fields[i] == "-")
      return MountEntry{unescaped(fields[4]), unescaped(fields[i + 1]), unescaped(fields[i + 2]),
                        userOf(fields.size() > i + 3 ? fields[i + 3] : "")};
  return std::nullopt;
}

std::optional<std::string> resolved(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> found(::realpath(path.c_str(), nullptr), ::free);
  if (found) return std::string(found.get());
  return std::nullopt;
}

}  // namespace

std::vector<MountEntry> parseMountInfo(std::string_view text) {
  std::vector<MountEntry> entries;
  for (std::string_view line : split(text, '\n'))
    if (auto entry = parseLine(line)) entries.push_back(std::move(*entry));
  return entries;
}

bool isAtOrBelow(std::string_view path, std::string_view directory) {
  if (directory == "/") return path.starts_with('/');
  return path.starts_with(directory) &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

std::optional<MountEntry> findMount(const std::string& path) {
  std::optional<MountEntry> topmost;
  for (MountEntry& entry : parseMountInfo(readFile("/proc/self/mountinfo")))
    if (entry.mount_point == path) topmost = std::move(entry);
  return topmost;
}

std::optional<std::string> connectionNumber(const std::string& path) {
  std::optional<std::string> number;
  const std::string table = readFile("/proc/self/mountinfo");
  for (const std::string_view line : split(table, '\n')) {
    const auto entry = parseLine(line);
    if (!entry || entry->mount_point != path) continue;
    const std::string_view device = split(line, ' ')[2];  // "0:43"
    number = device.substr(device.find(':') + 1);
  }
  return number;
}

std::optional<MountEntry> mountHolding(const std::vector<MountEntry>& mounts,
                                       std::string_view path) {
  std::optional<MountEntry> holding;
  for (const MountEntry& entry : mounts)
    if (isAtOrBelow(path, entry.mount_point) &&
        (!holding || entry.mount_point.size() >= holding->mount_point.size()))
      holding = entry;
  return holding;
}

std::optional<MountEntry> mountFrom(const std::vector<MountEntry>& mounts, std::string_view source,
                                    uid_t user) {
  std::optional<MountEntry> found;
  for (const MountEntry& entry : mounts)
    if (entry.fs_type == kFsType && entry.source == source && entry.user == user) found = entry;
  return found;
}

std::optional<std::string> canonicalPath(const std::string& written) {
  // A slash behind a mount point would lead into it, and its daemon may be silent.
  std::string path = written;
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  if (auto whole = resolved(path)) return whole;
  const int error = errno;
  if (error == ENOENT) return std::nullopt;
  // A dead mount answers nothing, but the directory that it is in does.
  const std::string absolute = absolutePath(path);
  const size_t slash = absolute.rfind('/');
  if (error == ENOTCONN)
    if (const auto parent = resolved(absolute.substr(0, slash + 1)))
      return (*parent == "/" ? "" : *parent) + absolute.substr(slash);
  throw badInput(systemError(path, error).what());
}

std::optional<std::string> emlfsMountAt(const std::string& path) {
  std::optional<std::string> canonical;
  try {
    canonical = canonicalPath(path);
  } catch (const Error& error) {
    if (error.code != Code::invalid) throw;
    return std::nullopt;  // where nothing can be, nothing is mounted
  }
  const auto mounted = canonical ? findMount(*canonical) : std::nullopt;
  if (!mounted || mounted->fs_type != kFsType) return std::nullopt;
  return canonical;
}

}  // namespace emlfs::app
