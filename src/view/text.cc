#include "view/text.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>

namespace emlfs::view {
namespace {

constexpr size_t kClusterCost = 32;  // bytes given up at most to keep a cluster whole

const utf8proc_uint8_t* octets(std::string_view text) {
  return reinterpret_cast<const utf8proc_uint8_t*>(text.data());
}

bool isContinuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

}  // namespace

std::optional<char32_t> takeCodePoint(std::string_view& text) {
  utf8proc_int32_t code_point = -1;
  const utf8proc_ssize_t length =
      utf8proc_iterate(octets(text), static_cast<utf8proc_ssize_t>(text.size()), &code_point);
  if (length <= 0) {
    text.remove_prefix(1);
    return std::nullopt;
  }
  text.remove_prefix(static_cast<size_t>(length));
  return static_cast<char32_t>(code_point);
}

void appendCodePoint(std::string& out, char32_t code_point) {
  utf8proc_uint8_t bytes[4];
  const utf8proc_ssize_t length =
      utf8proc_encode_char(static_cast<utf8proc_int32_t>(code_point), bytes);
  out.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(length));
}

bool isAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool isUtf8(std::string_view text) {
  while (!text.empty()) {
    if (!takeCodePoint(text)) return false;
  }
  return true;
}

std::string repairUtf8(std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) appendCodePoint(out, takeCodePoint(bytes).value_or(kReplacement));
  return out;
}

std::string nfc(std::string text) {
  if (isAscii(text)) return text;
  utf8proc_uint8_t* composed = nullptr;
  const utf8proc_ssize_t length =
      utf8proc_map(octets(text), static_cast<utf8proc_ssize_t>(text.size()), &composed,
                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  // `text` is valid, so only memory can be missing.
  if (length < 0) throw std::bad_alloc();
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(composed, &std::free);
  return {reinterpret_cast<const char*>(composed), static_cast<size_t>(length)};
}

std::string_view cutCodePoints(std::string_view text, size_t bytes) {
  if (text.size() <= bytes) return text;
  size_t end = bytes;
  // No code point has more than three continuation bytes; what has is no UTF-8.
  while (end > 0 && bytes - end < 3 && isContinuation(text[end])) --end;
  return text.substr(0, end);
}

std::string_view cutClusters(std::string_view text, size_t bytes) {
  if (text.size() <= bytes) return text;
  std::string_view rest = text;
  char32_t previous = takeCodePoint(rest).value_or(kReplacement);
  utf8proc_int32_t state = 0;
  size_t end = 0;
  while (!rest.empty()) {
    const size_t position = text.size() - rest.size();
    if (position > bytes) break;
    const char32_t next = takeCodePoint(rest).value_or(kReplacement);
    if (utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(previous),
                                         static_cast<utf8proc_int32_t>(next), &state)) {
      end = position;
    }
    previous = next;
  }
  return bytes - end <= kClusterCost ? text.substr(0, end) : cutCodePoints(text, bytes);
}

std::string_view trim(std::string_view text, std::string_view set) {
  const size_t first = text.find_first_not_of(set);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(set) - first + 1);
}

}  // namespace emlfs::view
