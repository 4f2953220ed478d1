// mailboxFileName and mailboxLevel. Both ways are one to one, so that every mailbox can be reached.
#include <fmt/format.h>
#include <xxhash.h>

#include <optional>
#include <string>
#include <string_view>

#include "emlfs/base/error.h"
#include "emlfs/view/names.h"
#include "view/hex.h"
#include "view/text.h"

namespace emlfs::view {
namespace {

constexpr std::string_view kEmpty = "%";
// Before a level that doesn't decode, if its name would else be that of one that does. Nothing
// else writes '?' as an escape.
constexpr std::string_view kRaw = "%3F";

bool isControl(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0);
}

void appendEscaped(std::string& out, std::string_view bytes) {
  for (const char byte : bytes) appendPercent(out, byte);
}

// Decoded text, or bytes that don't decode (`raw`), as a file name of any length.
std::string escape(std::string_view text, bool raw) {
  if (text.empty()) return std::string(kEmpty);
  std::string out;
  if (text == "." || text == ".." || text == kEmpty) {
    appendEscaped(out, text);
    return out;
  }
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view before = rest;
    const auto c = takeCodePoint(rest);
    const std::string_view bytes = before.substr(0, before.size() - rest.size());
    const bool literal = c && !isControl(*c) && *c != '/' && !(*c == '%' && hexByte(rest)) &&
                         !(raw && (*c == '&' || *c >= 0x80));
    if (literal) {
      out += bytes;
    } else {
      appendEscaped(out, bytes);
    }
  }
  return out;
}

std::string unescape(std::string_view name) {
  std::string out;
  for (size_t i = 0; i < name.size(); ++i) {
    const auto byte = name[i] == '%' ? hexByte(name.substr(i + 1)) : std::nullopt;
    out += byte.value_or(name[i]);
    if (byte) i += 2;
  }
  return out;
}

std::string fit(std::string name) {
  if (name.size() <= kNameMax) return name;
  const std::string hash = fmt::format("~{:016x}", XXH3_64bits(name.data(), name.size()));
  std::string_view head = cutCodePoints(name, kNameMax - hash.size());
  // Not within an escape.
  const size_t percent = head.rfind('%');
  if (percent != head.npos && head.size() - percent < 3) head = head.substr(0, percent);
  return std::string(head) + hash;
}

std::string escapeWire(std::string_view level) {
  if (const auto text = decodeUtf7(level)) return escape(*text, false);
  std::string name = escape(level, true);
  const bool taken = isUtf8(level) && escape(level, false) == name;
  return taken ? std::string(kRaw) + name : name;
}

std::string unescapeWire(std::string_view name) {
  if (name.starts_with(kRaw)) return unescape(name.substr(kRaw.size()));
  std::string bytes = unescape(name);
  const bool decoded = isUtf8(bytes) && escape(bytes, false) == name;
  return decoded ? encodeUtf7(bytes) : bytes;
}

}  // namespace

std::string mailboxFileName(std::string_view level, bool utf8) {
  return fit(utf8 ? escape(level, false) : escapeWire(level));
}

std::string mailboxLevel(std::string_view file_name, bool utf8) {
  const auto refuse = [] {
    throw Error(Code::invalid, Scope::mailbox, "this can't be the name of a mailbox");
  };
  if (file_name == kEmpty) refuse();
  std::string level = utf8 ? unescape(file_name) : unescapeWire(file_name);
  // Else the directory would come back under another name than it was made with.
  if (mailboxFileName(level, utf8) != file_name) refuse();
  return level;
}

}  // namespace emlfs::view
