// Points of time in JSON.
#pragma once

#include <array>
#include <ctime>
#include <string>

namespace emlfs {

inline std::string iso8601(std::time_t time) {
  std::tm utc{};
  ::gmtime_r(&time, &utc);
  std::array<char, sizeof "2026-11-20T10:00:05Z"> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text.data();
}

}  // namespace emlfs
