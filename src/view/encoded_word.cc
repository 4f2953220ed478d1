#include "view/encoded_word.h"

#include "view/hex.h"

namespace emlfs::view {
namespace {

// Longer ones are none: bounds the search for the end of each "=?".
constexpr size_t kCharsetMax = 64;
constexpr size_t kTextMax = 2048;

std::optional<uint32_t> base64Value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  if (c == '/') return 63;
  return std::nullopt;
}

}  // namespace

std::optional<EncodedWord> encodedWordAt(std::string_view text) {
  if (!text.starts_with("=?")) return std::nullopt;
  std::string_view rest = text.substr(2);

  const size_t charset_end = rest.substr(0, kCharsetMax).find('?');
  if (charset_end == std::string_view::npos) return std::nullopt;
  std::string_view charset = rest.substr(0, charset_end);
  if (charset.find_first_of(" \t") != std::string_view::npos) return std::nullopt;
  rest.remove_prefix(charset_end + 1);

  if (rest.size() < 2 || rest[1] != '?') return std::nullopt;
  const char encoding = static_cast<char>(rest[0] | 0x20);
  if (encoding != 'b' && encoding != 'q') return std::nullopt;
  rest.remove_prefix(2);

  const size_t end = rest.substr(0, kTextMax).find("?=");
  if (end == std::string_view::npos) return std::nullopt;
  return EncodedWord{.charset = charset.substr(0, charset.find('*')),
                     .base64 = encoding == 'b',
                     .text = rest.substr(0, end),
                     .length = text.size() - rest.size() + end + 2};
}

void decodeQ(std::string_view text, std::string& out) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '=') {
      if (const auto byte = hexByte(text.substr(i + 1))) {
        out += *byte;
        i += 2;
        continue;
      }
    }
    out += text[i] == '_' ? ' ' : text[i];
  }
}

void Base64Decoder::decode(std::string_view text, std::string& out) {
  for (const char c : text) {
    if (c == '=') {
      bits_ = count_ = 0;
      continue;
    }
    const auto value = base64Value(c);
    if (!value) continue;
    bits_ = (bits_ << 6 | *value) & 0xFFFF;
    count_ += 6;
    if (count_ >= 8) {
      count_ -= 8;
      out += static_cast<char>(bits_ >> count_ & 0xFF);
    }
  }
}

}  // namespace emlfs::view
