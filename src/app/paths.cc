#include "app/paths.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "app/failure.h"

namespace emlfs::app {
namespace {

// The specification has relative values ignored.
std::string xdgDirectory(const char* variable, const char* below_home) {
  const char* value = std::getenv(variable);
  const std::string base =
      value != nullptr && *value == '/' ? std::string(value) : homeDirectory() + "/" + below_home;
  return base + "/emlfs";
}

uint64_t fnv1a(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  return hash;
}

std::string safeFileName(std::string_view text) {
  constexpr std::string_view kSafe = "@-_+=:,.";
  constexpr size_t kMax = 200;
  std::string out;
  for (char c : text) {
    const bool alphanumeric =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    const bool leading_dot = c == '.' && out.empty();
    if (alphanumeric || (kSafe.find(c) != std::string_view::npos && !leading_dot))
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<uint8_t>(c));
  }
  if (out.size() > kMax) out = fmt::format("{}~{:016x}", out.substr(0, kMax), fnv1a(text));
  return out;
}

}  // namespace

std::string homeDirectory() {
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home == '/') return home;
  const passwd* entry = ::getpwuid(::geteuid());
  if (entry != nullptr && entry->pw_dir != nullptr && *entry->pw_dir == '/') return entry->pw_dir;
  throw badInput("there is no home directory: set HOME");
}

std::string configFile() {
  return xdgDirectory("XDG_CONFIG_HOME", ".config") + "/config.toml";
}

std::string absolutePath(std::string_view path, const std::string& base) {
  namespace fs = std::filesystem;
  fs::path whole(path);
  if (path == "~" || path.starts_with("~/")) {
    whole = homeDirectory() + std::string(path.substr(1));
  } else if (!path.starts_with('/')) {
    std::error_code error;
    whole = (base.empty() ? fs::current_path(error) : fs::path(base)) / path;
    if (error) throw systemError("the working directory can't be read", error.value());
  }
  std::string result = whole.lexically_normal();
  while (result.size() > 1 && result.ends_with('/')) result.pop_back();
  return result;
}

std::string accountDirectory(const Source& source) {
  std::string text = source.user + "@" + source.host;
  if (source.port != 993 && source.port != 143) text += ":" + std::to_string(source.port);
  return safeFileName(text);
}

Directories directories(const Source& source, const Options& options) {
  const auto choose = [&](const std::string& own, const char* variable, const char* below_home) {
    return own.empty() ? xdgDirectory(variable, below_home) + "/" + accountDirectory(source) : own;
  };
  Directories result{choose(options.cache_dir, "XDG_CACHE_HOME", ".cache"),
                     choose(options.state_dir, "XDG_STATE_HOME", ".local/state")};
  if (result.cache == result.state)
    throw badInput(fmt::format(
        "cache_dir and state_dir are both {}: they must differ, for a cache may be deleted",
        result.cache));
  return result;
}

}  // namespace emlfs::app
