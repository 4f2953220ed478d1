// emlfs undelete PATH... and emlfs expunge PATH...
#include <dirent.h>
#include <fmt/format.h>
#include <cstdio>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <filesystem>
#include <memory>
#include <set>

#include "app/commands.h"
#include "app/exit_code.h"
#include "app/failure.h"
#include "app/mount_attribute.h"
#include "app/mount_table.h"
#include "app/printable.h"
#include "app/question.h"
#include "app/units.h"
#include "emlfs/base/file.h"

namespace emlfs::app {
namespace {

constexpr const char* kHidden = "user.emlfs.hidden";
constexpr const char* kStatus = "user.emlfs.status";
constexpr size_t kMostIds = 60'000;  // bytes of an attribute's value

struct Directory {
  std::string path;
  std::string shown;  // as the user calls it
  std::vector<Json> messages;
};

// Reads it to its end: then the mount knows what is in it.
void list(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), ::closedir);
  if (!directory) throw mountAnswer(path, errno);
  for (;;) {
    errno = 0;
    if (::readdir(directory.get()) != nullptr) continue;
    if (errno != 0) throw mountAnswer(path, errno);
    return;
  }
}

Json hiddenIn(const std::string& path) {
  Json found = readPages(path, kHidden);
  if (flag(found, "/listed")) return found;
  list(path);
  return readPages(path, kHidden);
}

struct Found {
  std::vector<Directory> directories;
  size_t failed = 0;  // directories that can't be looked into
};

// Of a tree, what can't be looked into is passed over.
void collect(const std::string& path, const std::string& shown, bool recursive, Found& found) {
  Json hidden;
  try {
    hidden = hiddenIn(path);
  } catch (const Error& error) {
    if (!recursive) throw;
    ++found.failed;
    ::fprintf(stderr, "emlfs: %s\n", errorLine(error).c_str());
    hidden = readPages(path, kHidden);
  }
  Directory directory{path, shown, {}};
  for (const Json& message : at(hidden, "/messages")) directory.messages.push_back(message);
  if (!directory.messages.empty()) found.directories.push_back(std::move(directory));
  if (!recursive) return;
  for (const Json& below : at(hidden, "/directories"))
    if (below.is_string()) {
      const std::string name = "/" + below.get<std::string>();
      collect(path + name, shown + name, true, found);
    }
}

// A message by the name that it had.
void collectNamed(const std::string& argument, Found& found) {
  const std::filesystem::path path(argument);
  const std::string name = path.filename().string();
  const auto parent =
      canonicalPath(path.has_parent_path() ? path.parent_path().string() : std::string("."));
  if (!parent || name.empty()) throw badInput(fmt::format("{} does not exist", argument));
  Directory directory{*parent, path.parent_path().string(), {}};
  const Json hidden = hiddenIn(*parent);
  for (const Json& message : at(hidden, "/messages"))
    if (message.value("name", "") == name) directory.messages.push_back(message);
  if (directory.messages.empty())
    throw badInput(fmt::format("there is no deleted message {}", argument));
  found.directories.push_back(std::move(directory));
}

void requireInMount(const std::vector<MountEntry>& mounts, const std::string& path,
                    const std::string& argument) {
  const auto mount = mountHolding(mounts, path);
  if (!mount || mount->fs_type != kFsType)
    throw badInput(fmt::format("{} is not in a mount of emlfs", argument));
}

Found findAll(const HiddenArguments& arguments) {
  const auto mounts = parseMountInfo(readFile("/proc/self/mountinfo"));
  Found found;
  for (const std::string& argument : arguments.paths) {
    const auto path = canonicalPath(argument);
    if (!path) {
      const auto parent = std::filesystem::path(argument).parent_path();
      if (const auto there = canonicalPath(parent.empty() ? "." : parent.string()))
        requireInMount(mounts, *there, argument);
      collectNamed(argument, found);
      continue;
    }
    requireInMount(mounts, *path, argument);
    if (!std::filesystem::is_directory(*path))
      throw badInput(fmt::format("{} is not deleted", argument));
    std::string shown = argument;
    while (shown.size() > 1 && shown.ends_with('/')) shown.pop_back();
    collect(*path, shown, arguments.recursive, found);
  }
  return found;
}

std::string day(const Json& message) {
  const auto seconds = static_cast<std::time_t>(message.value("date", int64_t{0}));
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday);
}

void print(const std::vector<Directory>& found) {
  for (const auto& directory : found)
    for (const Json& message : directory.messages) {
      const auto path =
          (directory.shown.empty() ? "" : directory.shown + "/") + message.value("name", "");
      const std::string subject = text(message, "/subject");
      ::printf("%s  %s%s\n", day(message).c_str(), printable(path).c_str(),
               subject.empty() ? "" : ("  " + subject).c_str());
    }
}

void tell(const Directory& directory, const char* attribute) {
  std::string ids;
  for (size_t i = 0; i < directory.messages.size(); ++i) {
    ids += fmt::format("{} ", number(directory.messages[i], "/id"));
    if (i + 1 < directory.messages.size() && ids.size() < kMostIds) continue;
    writeAttribute(directory.path, attribute, ids);
    ids.clear();
  }
}

// One of the servers can't do more.
bool anyOnlyMarks(const std::vector<Directory>& found) {
  const auto mounts = parseMountInfo(readFile("/proc/self/mountinfo"));
  std::set<std::string> mount_points;
  for (const Directory& directory : found)
    if (const auto mount = mountHolding(mounts, directory.path))
      mount_points.insert(mount->mount_point);
  return std::any_of(mount_points.begin(), mount_points.end(), [](const std::string& mount_point) {
    const Json status = parseStatus(readAttribute(mount_point, kStatus));
    return has(status, "/server/can_expunge") && !flag(status, "/server/can_expunge");
  });
}

}  // namespace

int hiddenCommand(const HiddenArguments& arguments) {
  const auto [found, failed] = findAll(arguments);
  size_t count = 0;
  for (const auto& directory : found) count += directory.messages.size();
  const std::string messages = count == 1 ? "1 message" : formatCount(count) + " messages";
  const std::string are = count == 1 ? "is" : "are";
  const bool expunge = arguments.action == HiddenAction::expunge;
  const bool only_marked = expunge && count != 0 && anyOnlyMarks(found);
  if (arguments.dry_run) {
    print(found);
    ::printf("%s would %s\n", messages.c_str(),
             expunge ? "be removed for good" : "be brought back");
  } else if (count == 0) {
    ::printf("there is nothing deleted%s\n", arguments.recursive ? "" : " (below it: -r)");
  } else {
    if (expunge && !arguments.yes &&
        !agrees(
            fmt::format("{}Remove {} for good?",
                        only_marked ? std::string(kCannotExpunge) + "\n" : "", messages),
            fmt::format("{} would be removed for good: say --yes, or -n to see them", messages)))
      return static_cast<int>(ExitCode::other);
    for (const auto& directory : found)
      tell(directory, expunge ? "user.emlfs.expunge" : "user.emlfs.undelete");
    if (only_marked)
      ::printf("%s %s marked: %s\n", messages.c_str(), are.c_str(), kCannotExpunge);
    else
      ::printf("%s %s %s\n", messages.c_str(), are.c_str(),
               expunge ? "removed for good" : "brought back");
  }
  if (::fflush(stdout) != 0) throw systemError("standard output", errno);
  return static_cast<int>(failed == 0 ? ExitCode::ok : ExitCode::incomplete);
}

}  // namespace emlfs::app
