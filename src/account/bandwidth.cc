#include "account/bandwidth.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <sstream>

#include "emlfs/base/error.h"
#include "emlfs/base/file.h"
#include "emlfs/base/log.h"

namespace emlfs {
namespace {

// Of a period's bytes; what a crash may forget.
constexpr double kMuch = 0.01;

int64_t wallClock() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

// Goes on while the machine sleeps: a period is one of the day.
Clock::time_point clockThatNeverSleeps() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return Clock::time_point(std::chrono::seconds(now.tv_sec) +
                           std::chrono::nanoseconds(now.tv_nsec));
}

LeftOver load(const std::string& path, const imap::Rate& rate) {
  const auto most = static_cast<double>(rate.bytes);
  const LeftOver full{most, wallClock(), most};
  if (::access(path.c_str(), F_OK) != 0) return full;
  try {
    if (const auto left = parseLeftOver(readFile(path))) return scaled(*left, rate);
    log::warning("{} can't be read: the bandwidth counts from now on", path);
  } catch (const Error& error) {
    log::warning("{}", error.what());
  }
  return full;
}

}  // namespace

double refilled(const LeftOver& before, const imap::Rate& rate, int64_t now) {
  const auto elapsed = static_cast<double>(std::max<int64_t>(now - before.at, 0));
  const auto most = static_cast<double>(rate.bytes);
  return std::min(before.bytes + elapsed * most / static_cast<double>(rate.period.count()), most);
}

LeftOver scaled(const LeftOver& left, const imap::Rate& rate) {
  const auto most = static_cast<double>(rate.bytes);
  return {left.of > 0 ? left.bytes / left.of * most : left.bytes, left.at, most};
}

std::string leftOverText(const LeftOver& left) {
  return fmt::format("{:.0f} {} {:.0f}\n", left.bytes, left.at, left.of);
}

std::optional<LeftOver> parseLeftOver(const std::string& text) {
  std::istringstream in(text);
  LeftOver left;
  in >> left.bytes >> left.at >> left.of;
  // A file that was not written to its end is none.
  if (!in || in.get() != '\n' || in.peek() != std::istringstream::traits_type::eof())
    return std::nullopt;
  return left;
}

Bandwidth::Bandwidth(const imap::Rate& rate, const std::string& state_dir)
    : path_(state_dir + "/bandwidth") {
  if (!rate.limited()) return;
  const LeftOver before = load(path_, rate);
  const double left = refilled(before, rate, wallClock());
  // Overdrawn it is by a few pieces at most, whatever the file says.
  const double least = -static_cast<double>(rate.bytes);
  throttle_.emplace(rate, static_cast<int64_t>(std::max(left, least)), clockThatNeverSleeps);
  const MutexLock lock(mutex_);
  saved_ = before;
}

void Bandwidth::note() {
  if (!throttle_) return;
  const LeftOver now{static_cast<double>(throttle_->left()), wallClock(),
                     static_cast<double>(throttle_->rate().bytes)};
  const MutexLock lock(mutex_);
  const double forgotten = refilled(saved_, throttle_->rate(), now.at) - now.bytes;
  if (forgotten > static_cast<double>(throttle_->rate().bytes) * kMuch) write(now);
}

void Bandwidth::save() {
  if (!throttle_) return;
  const LeftOver now{static_cast<double>(throttle_->left()), wallClock(),
                     static_cast<double>(throttle_->rate().bytes)};
  const MutexLock lock(mutex_);
  write(now);
}

void Bandwidth::write(const LeftOver& left) {
  saved_ = left;
  const std::string fresh = path_ + ".new";
  const std::string text = leftOverText(left);
  const Fd file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  const auto length = static_cast<ssize_t>(text.size());
  if (!file || ::write(file.get(), text.data(), text.size()) != length ||
      ::rename(fresh.c_str(), path_.c_str()) != 0)
    log::warning("{}", systemError("writing " + path_, errno).what());
}

}  // namespace emlfs
