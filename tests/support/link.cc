#include "support/link.h"

#include <algorithm>

namespace emlfs::test {
namespace {

constexpr size_t kPiece = 65536;
constexpr size_t kFastLine = size_t{32} << 20;  // queued at most where no rate says how much fits

}  // namespace

size_t Link::room(const Line& line) const {
  if (line.bytes_per_second == 0) return queued_ < kFastLine ? kPiece : 0;
  // Twenty milliseconds of sending at a time, and 100 ms queued beyond what is on the way.
  const auto piece = std::clamp<size_t>(line.bytes_per_second / 50, 1, kPiece);
  const auto on_the_way =
      line.bytes_per_second * (static_cast<uint64_t>(line.delay.count()) + 100) / 1000;
  return queued_ < std::max<size_t>(on_the_way, piece) ? piece : 0;
}

void Link::put(std::string_view bytes, Line& line, Clock::time_point now) {
  line.free_at = std::max({line.free_at, usable_from_, now});
  if (line.bytes_per_second > 0) {
    line.free_at += std::chrono::nanoseconds(bytes.size() * 1'000'000'000 / line.bytes_per_second);
  }
  queue_.push_back({line.free_at + line.delay, std::string(bytes)});
  queued_ += bytes.size();
}

void Link::putEnd(const Line& line, Clock::time_point now) {
  queue_.push_back({std::max({line.free_at, usable_from_, now}) + line.delay, {}});
}

std::string_view Link::due(Clock::time_point now) const {
  if (queue_.empty() || queue_.front().due > now) return {};
  return std::string_view(queue_.front().bytes).substr(consumed_);
}

bool Link::endDue(Clock::time_point now) const {
  return !queue_.empty() && queue_.front().bytes.empty() && queue_.front().due <= now;
}

void Link::consume(size_t count) {
  consumed_ += count;
  queued_ -= count;
  if (consumed_ < queue_.front().bytes.size()) return;
  queue_.pop_front();
  consumed_ = 0;
}

}  // namespace emlfs::test
