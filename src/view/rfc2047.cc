// decodeHeader: RFC 2047 as it is used.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "emlfs/view/names.h"
#include "view/charset.h"
#include "view/encoded_word.h"
#include "view/header_text.h"
#include "view/text.h"

namespace emlfs::view {
namespace {

// Neighbouring encoded words of one charset: a character, or the state of a stateful charset, may
// reach from one into the next.
struct Run {
  std::string_view charset;
  std::string bytes;
  Base64Decoder base64;

  void add(const EncodedWord& word) {
    if (word.base64) {
      base64.decode(word.text, bytes);
    } else {
      base64 = {};
      decodeQ(word.text, bytes);
    }
  }
};

bool isBlank(std::string_view text) {
  return text.find_first_not_of(" \t") == text.npos;
}

bool sameCharset(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

// Raw text with encoded words, without line ends, as UTF-8.
std::string decodeWords(std::string_view text) {
  std::string out;
  std::optional<Run> run;
  size_t done = 0;
  for (size_t at = text.find("=?"); at != text.npos; at = text.find("=?", at)) {
    const auto word = encodedWordAt(text.substr(at));
    if (!word) {
      at += 2;
      continue;
    }
    const std::string_view gap = text.substr(done, at - done);
    const bool neighbour = run && isBlank(gap);
    if (run && !(neighbour && sameCharset(run->charset, word->charset))) {
      out += toUtf8(run->charset, run->bytes);
      run.reset();
    }
    if (!neighbour) out += toUtf8("", gap);
    if (!run) run = Run{.charset = word->charset, .bytes = {}, .base64 = {}};
    run->add(*word);
    at += word->length;
    done = at;
  }
  if (run) out += toUtf8(run->charset, run->bytes);
  return out += toUtf8("", text.substr(done));
}

}  // namespace

std::string unfold(std::string_view value) {
  std::string out;
  value = cutCodePoints(value, kHeaderMax);
  for (size_t i = 0; i < value.size(); ++i) {
    if (value[i] != '\r' && value[i] != '\n') {
      out += value[i];
      continue;
    }
    while (i + 1 < value.size() && (value[i + 1] == '\r' || value[i + 1] == '\n')) ++i;
    if (i + 1 == value.size() || (value[i + 1] != ' ' && value[i + 1] != '\t')) out += ' ';
  }
  return out;
}

std::string decodeHeader(std::string_view value) {
  std::string out = decodeWords(unfold(value));
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return std::string(trim(out, " "));
}

}  // namespace emlfs::view
