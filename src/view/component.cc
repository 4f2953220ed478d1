#include "view/component.h"

#include <utf8proc.h>

#include <algorithm>
#include <iterator>

#include "view/text.h"

namespace emlfs::view {
namespace {

// Composing makes three bytes of nine at best, so this is enough for any name.
constexpr size_t kEnough = 1024;

enum class Fate { keep, mark, dash, drop };

bool isAlphanumeric(char32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// Letters, marks and symbols that nobody sees (Default_Ignorable_Code_Point and a few more).
// What isn't seen and is neither of these is of category Cf and dropped as such.
bool isInvisible(char32_t c) {
  struct Range {
    char32_t first;
    char32_t last;
  };
  constexpr Range kRanges[] = {
      {0x034F, 0x034F},    // combining grapheme joiner
      {0x115F, 0x1160},    // Hangul fillers
      {0x17B4, 0x17B5},    // Khmer inherent vowels
      {0x180B, 0x180F},    // Mongolian variation selectors
      {0x3164, 0x3164},    // Hangul filler
      {0xFE00, 0xFE0F},    // variation selectors
      {0xFFA0, 0xFFA0},    // halfwidth Hangul filler
      {0x1D159, 0x1D159},  // musical symbol null notehead
      {0xE0100, 0xE01EF},  // variation selectors
  };
  return std::any_of(std::begin(kRanges), std::end(kRanges),
                     [c](const Range& r) { return c >= r.first && c <= r.last; });
}

// Without a look of their own: blank Braille, replacement characters, blank hieroglyphs.
bool isBlank(char32_t c) {
  return c == 0x2800 || c == 0xFFFC || c == kReplacement || c == 0x13441 || c == 0x13442;
}

bool isSkinTone(char32_t c) {
  return c >= 0x1F3FB && c <= 0x1F3FF;
}

Fate fate(char32_t c) {
  if (c < 0x80) {
    const bool kept =
        isAlphanumeric(c) || std::u32string_view(U"+.@_").find(c) != std::u32string_view::npos;
    return kept ? Fate::keep : Fate::dash;
  }
  if (isInvisible(c)) return Fate::drop;
  if (isBlank(c)) return Fate::dash;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
    case UTF8PROC_CATEGORY_SM:
    case UTF8PROC_CATEGORY_SC:
    case UTF8PROC_CATEGORY_SO:
      return Fate::keep;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
      return Fate::mark;
    case UTF8PROC_CATEGORY_SK:
      return isSkinTone(c) ? Fate::keep : Fate::dash;
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
      return Fate::drop;
    default:
      return Fate::dash;
  }
}

// ASCII punctuation bears no marks: with some it would compose into another character.
bool bearsMarks(const std::string& text) {
  if (text.empty()) return false;
  const auto last = static_cast<unsigned char>(text.back());
  return last >= 0x80 || isAlphanumeric(last);
}

}  // namespace

bool standsInName(char32_t code_point) {
  return code_point == '-' || fate(code_point) == Fate::keep;
}

std::string component(std::string_view text) {
  std::string out;
  unsigned marks = 0;
  while (!text.empty() && out.size() < kEnough) {
    const char32_t c = takeCodePoint(text).value_or(kReplacement);
    switch (fate(c)) {
      case Fate::keep:
        appendCodePoint(out, c);
        marks = 0;
        break;
      case Fate::mark:
        if (marks < kMarksMax && bearsMarks(out)) {
          appendCodePoint(out, c);
          ++marks;
        }
        break;
      case Fate::dash:
        if (!out.ends_with('-')) out += '-';
        break;
      case Fate::drop:
        break;
    }
  }
  return nfc(std::string(trim(out, "-.")));
}

}  // namespace emlfs::view
