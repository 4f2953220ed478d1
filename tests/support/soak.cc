#include "support/soak.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <stdexcept>
#include <string>

namespace emlfs::test {

std::optional<std::chrono::seconds> soakTime() {
  const char* seconds = std::getenv("EMLFS_SOAK_SECONDS");
  if (seconds == nullptr) return std::nullopt;
  return std::chrono::seconds(std::stoul(seconds));
}

bool full() {
  const char* value = std::getenv("EMLFS_FULL");
  return value != nullptr && std::string(value) != "0";
}

size_t lanes() {
  const char* value = std::getenv("EMLFS_LANES");
  return value == nullptr ? 3 : std::max<size_t>(std::stoul(value), 1);
}

bool inPart(size_t index) {
  const char* value = std::getenv("EMLFS_PART");
  if (value == nullptr) return true;
  const std::string part = value;
  const size_t slash = part.find('/');
  if (slash == part.npos) throw std::runtime_error("EMLFS_PART is K/N, such as 0/4");
  return index % std::stoul(part.substr(slash + 1)) == std::stoul(part.substr(0, slash));
}

uint64_t chosenSeed() {
  static const uint64_t seed = [] {
    const char* given = std::getenv("EMLFS_SEED");
    const uint64_t value = given != nullptr ? std::stoull(given) : std::random_device()();
    fmt::print("EMLFS_SEED={}\n", value);
    return value;
  }();
  return seed;
}

Milliseconds schedulingMargin() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return std::chrono::seconds(4);
#else
  return std::chrono::seconds(1);
#endif
}

}  // namespace emlfs::test
