#include "app/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "app/units.h"

namespace emlfs::app {
namespace {

constexpr std::chrono::seconds kWindow{15};
constexpr std::string_view kGap = "  ";
constexpr size_t kBarMax = 30;
constexpr size_t kBarLeast = 5;

// The weightiest first.
std::vector<std::string> parts(const Progress& progress) {
  std::vector<std::string> all{
      fmt::format("{}/{} messages", formatCount(progress.messages),
                  formatCount(progress.messages_total)),
      fmt::format("{}/{}", formatSize(progress.bytes), formatSize(progress.bytes_total))};
  if (progress.bytes_per_second)
    all.push_back(formatSize(static_cast<uint64_t>(*progress.bytes_per_second)) + "/s");
  if (progress.left) all.push_back(timeLeft(*progress.left));
  return all;
}

std::string joined(const std::vector<std::string>& words, size_t columns) {
  std::string line;
  for (const std::string& word : words) {
    const size_t gap = line.empty() ? 0 : kGap.size();
    if (line.size() + gap + word.size() > columns) break;
    if (gap != 0) line += kGap;
    line += word;
  }
  return line;
}

std::string bar(double share, size_t width) {
  const auto filled = static_cast<size_t>(std::floor(share * static_cast<double>(width)));
  return "[" + std::string(filled, '#') + std::string(width - filled, '.') + "]";
}

double shareOf(const Progress& progress) {
  const auto share = [](uint64_t done, uint64_t total) {
    return total == 0 ? 1.0 : std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  };
  return std::min(
      share(progress.bytes, progress.bytes_total),
      progress.bytes_total == 0 ? share(progress.messages, progress.messages_total) : 1.0);
}

}  // namespace

void Pace::add(Clock::time_point now, uint64_t bytes) {
  moments_.push_back({now, bytes});
  // The oldest that is kept lies at or before the window's edge.
  while (moments_.size() > 2 && moments_[1].at <= now - kWindow) moments_.pop_front();
}

std::optional<double> Pace::bytesPerSecond() const {
  if (moments_.size() < 2) return std::nullopt;
  const auto& [from, least] = moments_.front();
  const auto& [to, most] = moments_.back();
  const std::chrono::duration<double> span = to - from;
  if (span.count() > 0 && most > least) return static_cast<double>(most - least) / span.count();
  return span.count() < 1 ? std::nullopt : std::optional(0.0);
}

std::optional<std::chrono::seconds> Pace::timeFor(uint64_t bytes) const {
  const double rate = bytesPerSecond().value_or(0);
  if (rate <= 0) return std::nullopt;
  constexpr double kLongest = 1e9;  // 30 years: no estimate either
  const double seconds = std::ceil(static_cast<double>(bytes) / rate);
  if (seconds > kLongest) return std::nullopt;
  return std::chrono::seconds(static_cast<int64_t>(seconds));
}

std::string timeLeft(std::chrono::seconds left) {
  constexpr int64_t kMinute = 60;
  constexpr int64_t kHour = 60 * kMinute;
  constexpr int64_t kDay = 24 * kHour;
  const int64_t seconds = left.count();
  const auto rounded = [&](int64_t unit) { return (seconds + unit / 2) / unit; };
  if (seconds < 90) return fmt::format("{} s left", seconds);
  if (seconds < 90 * kMinute) return fmt::format("{} min left", rounded(kMinute));
  if (seconds < 36 * kHour) return fmt::format("{} h left", rounded(kHour));
  return fmt::format("{} d left", rounded(kDay));
}

std::string progressText(const Progress& progress) {
  return joined(parts(progress), std::string::npos);
}

std::string progressLine(const Progress& progress, size_t columns) {
  std::string text = joined(parts(progress), columns);
  constexpr size_t kAround = 3;  // "[", "]" and a blank
  if (columns < text.size() + kAround + kBarLeast || text.size() < progressText(progress).size())
    return text;
  const size_t width = std::min(kBarMax, columns - text.size() - kAround);
  return bar(shareOf(progress), width) + " " + text;
}

}  // namespace emlfs::app
