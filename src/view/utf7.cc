// Modified UTF-7, RFC 3501 section 5.1.3.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "emlfs/base/error.h"
#include "emlfs/view/names.h"
#include "view/text.h"

namespace emlfs::view {
namespace {

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

bool isDirect(char32_t c) {
  return c >= 0x20 && c <= 0x7E;
}

// "&...-": UTF-16 in base64, without padding.
class ShiftWriter {
 public:
  explicit ShiftWriter(std::string& out) : out_(out) { out_ += '&'; }
  ShiftWriter(const ShiftWriter&) = delete;
  ShiftWriter& operator=(const ShiftWriter&) = delete;
  ~ShiftWriter() {
    if (count_ > 0) out_ += kDigits[bits_ << (6 - count_) & 63];
    out_ += '-';
  }

  void put(char32_t c) {
    if (c < 0x10000) {
      putUnit(static_cast<uint16_t>(c));
    } else {
      putUnit(static_cast<uint16_t>(0xD800 + ((c - 0x10000) >> 10)));
      putUnit(static_cast<uint16_t>(0xDC00 + ((c - 0x10000) & 0x3FF)));
    }
  }

 private:
  void putUnit(uint16_t unit) {
    bits_ = (bits_ << 16 | unit) & 0x3FFFFF;
    for (count_ += 16; count_ >= 6;) {
      count_ -= 6;
      out_ += kDigits[bits_ >> count_ & 63];
    }
  }

  std::string& out_;
  uint32_t bits_ = 0;
  unsigned count_ = 0;
};

// What stands between '&' and '-'; false if it is no base64 or no UTF-16.
bool decodeShift(std::string_view text, std::string& out) {
  uint32_t bits = 0;
  unsigned count = 0;
  char32_t high = 0;
  for (const char c : text) {
    const size_t digit = kDigits.find(c);
    if (digit == kDigits.npos) return false;
    bits = (bits << 6 | static_cast<uint32_t>(digit)) & 0x3FFFFF;
    count += 6;
    if (count < 16) continue;
    count -= 16;
    const char32_t unit = bits >> count & 0xFFFF;
    const bool is_low = unit >= 0xDC00 && unit < 0xE000;
    if (is_low != (high != 0)) return false;
    if (unit >= 0xD800 && unit < 0xDC00) {
      high = unit;
      continue;
    }
    appendCodePoint(out, is_low ? 0x10000 + ((high - 0xD800) << 10) + (unit - 0xDC00) : unit);
    high = 0;
  }
  return high == 0;
}

}  // namespace

std::string encodeUtf7(std::string_view utf8) {
  std::string out;
  std::optional<ShiftWriter> shift;
  while (!utf8.empty()) {
    const auto c = takeCodePoint(utf8);
    if (!c) throw Error(Code::invalid, Scope::mailbox, "a mailbox name must be UTF-8");
    if (!isDirect(*c)) {
      if (!shift) shift.emplace(out);
      shift->put(*c);
      continue;
    }
    shift.reset();
    out += static_cast<char>(*c);
    if (*c == '&') out += '-';
  }
  shift.reset();
  return out;
}

std::optional<std::string> decodeUtf7(std::string_view text) {
  std::string out;
  for (std::string_view rest = text; !rest.empty();) {
    if (rest.front() != '&') {
      const std::string_view direct = rest.substr(0, rest.find('&'));
      out += direct;
      rest.remove_prefix(direct.size());
      continue;
    }
    const size_t end = rest.find('-');
    if (end == rest.npos) return std::nullopt;
    if (end == 1) out += '&';
    if (!decodeShift(rest.substr(1, end - 1), out)) return std::nullopt;
    rest.remove_prefix(end + 1);
  }
  // One text has one encoding; with others two mailboxes would have one name.
  if (!isUtf8(out) || encodeUtf7(out) != text) return std::nullopt;
  return out;
}

}  // namespace emlfs::view
