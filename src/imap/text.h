// The few operations on ASCII text that IMAP needs, independent of the locale.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace emlfs::imap {

inline bool isDigit(char c) {
  return c >= '0' && c <= '9';
}
inline char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

bool equalsIgnoringCase(std::string_view a, std::string_view b);
bool endsIgnoringCase(std::string_view text, std::string_view end);
std::string toUpper(std::string_view text);

// Digits only; absent if it overflows.
std::optional<uint64_t> parseNumber(std::string_view digits);

// Absent if it isn't a number of 32 bits.
std::optional<uint32_t> parseNumber32(std::string_view digits);

// A server's words for a person: at most 500 bytes of valid UTF-8 without control characters.
std::string printable(std::string_view text);

}  // namespace emlfs::imap
