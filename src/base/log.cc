#include "emlfs/base/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/syslog_sink.h>
#include <spdlog/spdlog.h>
#include <syslog.h>

#include <atomic>

#include "emlfs/base/error.h"

namespace emlfs::log {
namespace {

std::atomic<Level> threshold{Level::warning};

spdlog::level::level_enum spdlogLevel(Level level) {
  switch (level) {
    case Level::error:
      return spdlog::level::err;
    case Level::warning:
      return spdlog::level::warn;
    case Level::info:
      return spdlog::level::info;
    case Level::debug:
      return spdlog::level::debug;
  }
  return spdlog::level::err;
}

// Replaced only before threads are started (openFile, openSyslog).
std::shared_ptr<spdlog::logger>& logger() {
  static auto instance = [] {
    auto first = spdlog::stderr_logger_mt("emlfs");
    first->set_level(spdlog::level::trace);
    first->set_pattern("emlfs: %v");
    return first;
  }();
  return instance;
}

void replace(std::shared_ptr<spdlog::logger> next) {
  next->set_level(spdlog::level::trace);
  next->flush_on(spdlog::level::trace);
  logger() = std::move(next);
}

}  // namespace

std::string_view name(Level level) {
  switch (level) {
    case Level::error:
      return "error";
    case Level::warning:
      return "warning";
    case Level::info:
      return "info";
    case Level::debug:
      return "debug";
  }
  return "";
}

std::optional<Level> levelOf(std::string_view word) {
  for (const Level each : {Level::error, Level::warning, Level::info, Level::debug})
    if (name(each) == word) return each;
  return std::nullopt;
}

void setLevel(Level level) {
  threshold = level;
}

Level level() {
  return threshold;
}

bool enabled(Level level) {
  return level <= threshold;
}

void openFile(const std::string& path) {
  try {
    auto next = std::make_shared<spdlog::logger>(
        "emlfs", std::make_shared<spdlog::sinks::basic_file_sink_mt>(path));
    next->set_pattern("%Y-%m-%d %H:%M:%S.%e %l %v");
    replace(std::move(next));
  } catch (const spdlog::spdlog_ex& failure) {
    throw Error(Code::system, Scope::account, failure.what());
  }
}

void openSyslog(const std::string& account) {
  auto next = std::make_shared<spdlog::logger>(
      "emlfs", std::make_shared<spdlog::sinks::syslog_sink_mt>("emlfs", LOG_PID, LOG_DAEMON, true));
  const std::string no_line_end;
  next->set_formatter(std::make_unique<spdlog::pattern_formatter>(
      account.empty() ? "%v" : account + ": %v", spdlog::pattern_time_type::local, no_line_end));
  replace(std::move(next));
}

void write(Level level, std::string_view line) {
  logger()->log(spdlogLevel(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace emlfs::log
