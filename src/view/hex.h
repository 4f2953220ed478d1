// Two hexadecimal digits for a byte.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace emlfs::view {

inline std::optional<unsigned> hexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return std::nullopt;
}

// The byte that the first two characters of `text` say, if they are hexadecimal digits.
inline std::optional<char> hexByte(std::string_view text) {
  if (text.size() < 2) return std::nullopt;
  const auto high = hexDigit(text[0]);
  const auto low = hexDigit(text[1]);
  if (!high || !low) return std::nullopt;
  return static_cast<char>(*high << 4 | *low);
}

// "%2F"
inline void appendPercent(std::string& out, char byte) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  const unsigned value = static_cast<unsigned char>(byte);
  out += '%';
  out += kDigits[value >> 4];
  out += kDigits[value & 15];
}

}  // namespace emlfs::view
