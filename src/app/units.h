// Numbers with units, as options hold them and `emlfs status` prints them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "emlfs/base/clock.h"
#include "emlfs/imap/endpoint.h"

namespace emlfs::app {

// "500ms", "30s", "30", "5min", "2h", "1d": a whole number, seconds without a unit.
std::optional<Milliseconds> parseDuration(std::string_view text);

// "4096", "64KiB", "2GiB", "2G" (binary), "2GB" (decimal): bytes.
std::optional<uint64_t> parseSize(std::string_view text);

// "500KiB/s", "10MB/min", "1GB/h", "2GB/day": a size by a period, a second without one.
std::optional<imap::Rate> parseRate(std::string_view text);

std::optional<uint64_t> parseNumber(std::string_view text, int base = 10);

std::string formatSize(uint64_t bytes);        // "0 B", "1.5 MiB"
std::string formatDuration(uint64_t seconds);  // "42 s", "5 min 2 s", "3 d 4 h"
std::string formatCount(uint64_t count);       // "12,345"

}  // namespace emlfs::app
