// Encoded words: "=?charset?B?text?=" (RFC 2047 section 2).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace emlfs::view {

struct EncodedWord {
  std::string_view charset;  // without the language of RFC 2231 section 5; may be empty
  bool base64 = false;       // else Q
  std::string_view text;
  size_t length = 0;  // of the whole, in bytes
};

// The encoded word that `text` begins with. More is taken for one than RFC 2047 allows, since it is
// in use: blanks in it, no blank around it, more than 75 characters.
std::optional<EncodedWord> encodedWordAt(std::string_view text);

// Q: "=XX" and '_' decoded; '=' before anything else stands for itself.
void decodeQ(std::string_view text, std::string& out);

// Base64 over several words, since some mail programs split within four characters. Padding ends a
// group, what isn't base64 is skipped.
class Base64Decoder {
 public:
  void decode(std::string_view text, std::string& out);

 private:
  uint32_t bits_ = 0;
  unsigned count_ = 0;
};

}  // namespace emlfs::view
