#include "view/charset.h"

#include <iconv.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <iterator>
#include <optional>
#include <utility>

#include "view/text.h"

namespace emlfs::view {
namespace {

struct Alias {
  std::string_view key;  // as charsetKey() makes it
  const char* iconv_name;
};

// A fixed table: a header must not choose freely among the converters of the C library, some of
// which have had hangs and failed assertions, nor name the locale's ("", "char"). Labels that are
// commonly used for a superset stand for it, as the WHATWG Encoding Standard has it.
constexpr Alias kAliases[] = {
    {"latin1", "CP1252"},
    {"iso88591", "CP1252"},
    {"iso88592", "ISO-8859-2"},
    {"iso88593", "ISO-8859-3"},
    {"iso88594", "ISO-8859-4"},
    {"iso88595", "ISO-8859-5"},
    {"iso88596", "ISO-8859-6"},
    {"iso88597", "ISO-8859-7"},
    {"iso88598", "ISO-8859-8"},
    {"iso88598e", "ISO-8859-8"},
    {"iso88598i", "ISO-8859-8"},
    {"iso88599", "CP1254"},
    {"iso885910", "ISO-8859-10"},
    {"iso885911", "CP874"},
    {"iso885913", "ISO-8859-13"},
    {"iso885914", "ISO-8859-14"},
    {"iso885915", "ISO-8859-15"},
    {"iso885916", "ISO-8859-16"},
    {"latin2", "ISO-8859-2"},
    {"latin9", "ISO-8859-15"},
    {"tis620", "CP874"},
    {"cp874", "CP874"},
    {"windows874", "CP874"},
    {"windows1250", "CP1250"},
    {"windows1251", "CP1251"},
    {"windows1252", "CP1252"},
    {"windows1253", "CP1253"},
    {"windows1254", "CP1254"},
    {"windows1255", "CP1255"},
    {"windows1256", "CP1256"},
    {"windows1257", "CP1257"},
    {"windows1258", "CP1258"},
    {"cp1250", "CP1250"},
    {"cp1251", "CP1251"},
    {"cp1252", "CP1252"},
    {"cp1253", "CP1253"},
    {"cp1254", "CP1254"},
    {"cp1255", "CP1255"},
    {"cp1256", "CP1256"},
    {"cp1257", "CP1257"},
    {"cp1258", "CP1258"},
    {"koi8", "KOI8-R"},
    {"koi8r", "KOI8-R"},
    {"koi8u", "KOI8-U"},
    {"cp437", "IBM437"},
    {"ibm437", "IBM437"},
    {"cp850", "IBM850"},
    {"ibm850", "IBM850"},
    {"cp852", "IBM852"},
    {"ibm852", "IBM852"},
    {"cp866", "IBM866"},
    {"ibm866", "IBM866"},
    {"macintosh", "MACINTOSH"},
    {"macroman", "MACINTOSH"},
    {"xmacroman", "MACINTOSH"},
    {"gb2312", "GB18030"},
    {"gb18030", "GB18030"},
    {"gbk", "GB18030"},
    {"xgbk", "GB18030"},
    {"cp936", "GB18030"},
    {"euccn", "GB18030"},
    {"big5", "BIG5"},
    {"cnbig5", "BIG5"},
    {"cp950", "BIG5"},
    {"big5hkscs", "BIG5-HKSCS"},
    {"euctw", "EUC-TW"},
    {"euckr", "CP949"},
    {"cp949", "CP949"},
    {"uhc", "CP949"},
    {"ksc5601", "CP949"},
    {"ksc56011987", "CP949"},
    {"iso2022kr", "ISO-2022-KR"},
    {"eucjp", "EUC-JP"},
    {"xeucjp", "EUC-JP"},
    {"iso2022jp", "ISO-2022-JP"},
    {"shiftjis", "CP932"},
    {"sjis", "CP932"},
    {"xsjis", "CP932"},
    {"cp932", "CP932"},
    {"windows31j", "CP932"},
    {"utf7", "UTF-7"},
    {"unicode11utf7", "UTF-7"},
    {"utf16be", "UTF-16BE"},
    {"utf16le", "UTF-16LE"},
};

// "ISO_8859-1", "iso8859-1" and "ISO-8859-1" are one.
std::string charsetKey(std::string_view charset) {
  std::string key;
  for (const char c : charset) {
    if (c >= 'A' && c <= 'Z') key += static_cast<char>(c - 'A' + 'a');
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) key += c;
  }
  return key;
}

class Converter {
 public:
  explicit Converter(const char* from) : descriptor_(iconv_open("UTF-8", from)) {}
  Converter(const Converter&) = delete;
  Converter& operator=(const Converter&) = delete;
  ~Converter() {
    if (*this) iconv_close(descriptor_);
  }
  // iconv_open's own way to fail: (iconv_t)-1.
  explicit operator bool() const {
    return descriptor_ != reinterpret_cast<iconv_t>(static_cast<intptr_t>(-1));
  }

  // One step of iconv(3), which appends to `out`; the errno where it stopped, or 0.
  // A null `input` writes what the converter still holds.
  int step(char** input, size_t* left, std::string& out) {
    char buffer[1024];
    char* end = buffer;
    size_t room = sizeof buffer;
    const size_t result = iconv(descriptor_, input, left, &end, &room);
    const int error = result == static_cast<size_t>(-1) ? errno : 0;
    out.append(buffer, sizeof buffer - room);
    return error;
  }

 private:
  iconv_t descriptor_;
};

// Absent if this machine has no such converter.
std::optional<std::string> convert(const char* from, std::string_view bytes, size_t unit = 1) {
  Converter converter(from);
  if (!converter) return std::nullopt;
  std::string input(bytes);
  char* next = input.data();
  size_t left = input.size();
  std::string out;
  while (left > 0) {
    const int error = converter.step(&next, &left, out);
    if (error == 0 || error == E2BIG) continue;
    appendCodePoint(out, kReplacement);
    const size_t skipped = error == EILSEQ ? std::min(unit, left) : left;  // EINVAL: cut short
    next += skipped;
    left -= skipped;
  }
  converter.step(nullptr, nullptr, out);
  return out;
}

// UTF-16 in either order. Absent for a lie: without a byte order mark, text that is all ASCII.
std::optional<std::string> convertUtf16(std::string_view bytes) {
  const bool little = bytes.starts_with("\xFF\xFE");
  if (little || bytes.starts_with("\xFE\xFF")) {
    return convert(little ? "UTF-16LE" : "UTF-16BE", bytes.substr(2), 2);
  }
  const bool ascii = std::all_of(bytes.begin(), bytes.end(), [](char c) { return c > 0; });
  return ascii ? std::nullopt : convert("UTF-16BE", bytes, 2);
}

std::optional<std::string> convertKnown(std::string_view key, std::string_view bytes) {
  if (key == "utf8") return repairUtf8(bytes);
  if (key == "utf16" || key == "ucs2") return convertUtf16(bytes);
  const auto alias = std::find_if(std::begin(kAliases), std::end(kAliases),
                                  [&](const Alias& a) { return a.key == key; });
  if (alias == std::end(kAliases)) return std::nullopt;
  return convert(alias->iconv_name, bytes, key.starts_with("utf16") ? 2 : 1);
}

}  // namespace

std::string toUtf8(std::string_view charset, std::string_view bytes) {
  if (auto text = convertKnown(charsetKey(charset), bytes)) return *std::move(text);
  if (isUtf8(bytes)) return std::string(bytes);
  return convert("CP1252", bytes).value_or(repairUtf8(bytes));
}

}  // namespace emlfs::view
