// Log lines with levels. No message content and no password at any level. Thread-safe.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>

namespace emlfs::log {

enum class Level { error, warning, info, debug };

// As a person writes them: "error", "warning", "info", "debug". Absent: another word.
std::string_view name(Level level);
std::optional<Level> levelOf(std::string_view name);

// May change at any time.
void setLevel(Level level);
Level level();

// Until openFile or openSyslog is called, lines go to standard error.
void openFile(const std::string& path);  // throws Error(system)
// Each line begins with `account`, unless that is empty: several daemons may write there.
void openSyslog(const std::string& account = {});

bool enabled(Level level);
void write(Level level, std::string_view line);

template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::error)) write(Level::error, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void warning(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::warning))
    write(Level::warning, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::info)) write(Level::info, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::debug)) write(Level::debug, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace emlfs::log
