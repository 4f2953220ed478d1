// UTF-8 text, a code point at a time. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace emlfs::view {

constexpr char32_t kReplacement = 0xFFFD;

// Takes the first code point off `text`, which must not be empty. Absent for a byte that is no
// UTF-8 (surrogates and overlong forms are none): it is taken off alone.
std::optional<char32_t> takeCodePoint(std::string_view& text);

void appendCodePoint(std::string& out, char32_t code_point);

bool isAscii(std::string_view text);
bool isUtf8(std::string_view text);

// With U+FFFD for every byte that is no UTF-8.
std::string repairUtf8(std::string_view bytes);

// Unicode normalization form C. `text` is UTF-8.
std::string nfc(std::string text);

// At most `bytes` bytes from the front of `text`, cut between code points. Any bytes are accepted.
std::string_view cutCodePoints(std::string_view text, size_t bytes);

// The same between grapheme clusters, unless that costs much: a cluster may be of any length.
std::string_view cutClusters(std::string_view text, size_t bytes);

// `text` without the bytes of `set` at its ends.
std::string_view trim(std::string_view text, std::string_view set);

}  // namespace emlfs::view
