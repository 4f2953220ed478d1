#include "app/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

namespace emlfs::app {
namespace {

struct Unit {
  std::string_view name;
  uint64_t factor;
};

constexpr Unit kDurations[] = {{"ms", 1},     {"", 1000},       {"s", 1000},      {"min", 60'000},
                               {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};

constexpr Unit kPeriods[] = {
    {"s", 1'000}, {"min", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}, {"day", 86'400'000}};

constexpr uint64_t kKi = 1024;
constexpr uint64_t kK = 1000;
constexpr Unit kSizes[] = {
    {"", 1},
    {"B", 1},
    {"K", kKi},
    {"KiB", kKi},
    {"kB", kK},
    {"KB", kK},
    {"M", kKi* kKi},
    {"MiB", kKi* kKi},
    {"MB", kK* kK},
    {"G", kKi* kKi* kKi},
    {"GiB", kKi* kKi* kKi},
    {"GB", kK* kK* kK},
    {"T", kKi* kKi* kKi* kKi},
    {"TiB", kKi* kKi* kKi* kKi},
    {"TB", kK* kK* kK* kK},
};

template <size_t N>
std::optional<uint64_t> parseWithUnit(std::string_view text, const Unit (&units)[N]) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  auto unit_name = text.substr(static_cast<size_t>(end - text.data()));
  if (unit_name.starts_with(' ')) unit_name.remove_prefix(1);
  for (const Unit& unit : units) {
    if (unit.name != unit_name) continue;
    constexpr auto kMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    if (value > kMax / unit.factor) return std::nullopt;
    return value * unit.factor;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Milliseconds> parseDuration(std::string_view text) {
  const auto value = parseWithUnit(text, kDurations);
  if (!value) return std::nullopt;
  return Milliseconds(static_cast<Milliseconds::rep>(*value));
}

std::optional<uint64_t> parseSize(std::string_view text) {
  return parseWithUnit(text, kSizes);
}

std::optional<imap::Rate> parseRate(std::string_view text) {
  const size_t slash = std::min(text.find('/'), text.size());
  const auto bytes = parseSize(text.substr(0, slash));
  const auto name = slash < text.size() ? text.substr(slash + 1) : "s";
  const auto* period = std::find_if(std::begin(kPeriods), std::end(kPeriods),
                                    [&](const Unit& unit) { return unit.name == name; });
  if (!bytes || period == std::end(kPeriods)) return std::nullopt;
  return imap::Rate{*bytes, Milliseconds(static_cast<Milliseconds::rep>(period->factor))};
}

std::optional<uint64_t> parseNumber(std::string_view text, int base) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string formatSize(uint64_t bytes) {
  if (bytes < kKi) return fmt::format("{} B", bytes);
  constexpr const char* kNames[] = {"KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes) / kKi;
  size_t unit = 0;
  // 1023.95 would be rounded up to "1024.0".
  while (value >= 1023.95 && unit + 1 < std::size(kNames)) {
    value /= kKi;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, kNames[unit]);
}

std::string formatDuration(uint64_t seconds) {
  const uint64_t minutes = seconds / 60;
  const uint64_t hours = minutes / 60;
  if (minutes == 0) return fmt::format("{} s", seconds);
  if (hours == 0) return fmt::format("{} min {} s", minutes, seconds % 60);
  if (hours < 24) return fmt::format("{} h {} min", hours, minutes % 60);
  return fmt::format("{} d {} h", hours / 24, hours % 24);
}

std::string formatCount(uint64_t count) {
  std::string digits = std::to_string(count);
  for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

}  // namespace emlfs::app
