#include "store/state_format.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <string_view>

#include "emlfs/base/error.h"
#include "emlfs/base/file.h"
#include "emlfs/base/log.h"

namespace emlfs::store {
namespace {

// Whoever changes what is in a state directory, so that the emlfs before would misread it or lose
// something of it, adds the migration here. A sample of the format before is in tests/samples.
constexpr std::array<Migration, 0> kMigrations = {};

constexpr std::string_view kWords = "emlfs state ";

std::string pathIn(const std::string& directory) {
  return directory + "/format";
}

uint32_t parse(const std::string& path, std::string_view text) {
  uint32_t format = 0;
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.starts_with(kWords)) {
    text.remove_prefix(kWords.size());
    const char* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, format);
    if (read.ec != std::errc() || read.ptr != end) format = 0;
  }
  if (format == 0)
    throw Error(
        Code::invalid, Scope::account,
        fmt::format("{} does not say of which format the changes beside it are: if no later "
                    "emlfs was used, remove that file",
                    path));
  return format;
}

uint32_t formatOf(const std::string& directory) {
  const std::string path = pathIn(directory);
  if (::access(path.c_str(), F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR)) return 1;
  return parse(path, readFile(path));
}

uint32_t requireUpTo(const std::string& directory, size_t latest) {
  const uint32_t format = formatOf(directory);
  if (format <= latest) return format;
  throw Error(Code::invalid, Scope::account,
              fmt::format("{} was written by a later emlfs (format {}, this one knows {}): mount "
                          "with that one, since changes in it may not have reached the server yet",
                          directory, format, latest));
}

void syncDirectory(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) throw systemError("syncing " + path, errno);
}

void note(const std::string& directory, size_t format) {
  const std::string path = pathIn(directory);
  const std::string fresh = path + ".new";
  const std::string text = fmt::format("{}{}\n", kWords, format);
  const Fd file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      ::fsync(file.get()) != 0 || ::rename(fresh.c_str(), path.c_str()) != 0)
    throw systemError("writing " + path, errno);
  syncDirectory(directory);
}

}  // namespace

void requireKnownState(const std::string& state_dir) {
  requireUpTo(state_dir, kMigrations.size() + 1);
}

void upgradeState(const std::string& state_dir) {
  upgradeState(state_dir, kMigrations);
}

void upgradeState(const std::string& state_dir, std::span<const Migration> migrations) {
  makePrivateDirectory(state_dir);
  const size_t latest = migrations.size() + 1;
  const uint32_t found = requireUpTo(state_dir, latest);
  for (size_t format = found; format < latest; ++format) {
    log::warning("{} is of format {} and is brought to {}", state_dir, format, format + 1);
    migrations[format - 1](state_dir);
    note(state_dir, format + 1);
  }
  if (found == latest && ::access(pathIn(state_dir).c_str(), F_OK) != 0) note(state_dir, latest);
}

}  // namespace emlfs::store
