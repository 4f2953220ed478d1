#include "imap/fetch_sieve.h"

#include <algorithm>

#include "imap/scanner.h"
#include "imap/text.h"

namespace emlfs::imap {
namespace {

// A flag that libetpan reads as one flag. It takes a known name's beginning for the whole
// ("\SeenBefore"), so such extensions are left out; RFC 9051 has none.
bool isPlainFlag(std::string_view flag) {
  std::string_view atom = flag;
  if (atom.starts_with('\\')) atom.remove_prefix(1);
  const bool keyword = atom.size() == flag.size();
  const auto plain = [keyword](char c) {
    if (c == ']') return keyword;
    return c > ' ' && c < 0x7f && std::string_view("(){%*\"\\").find(c) == std::string_view::npos;
  };
  if (atom.empty() || !std::all_of(atom.begin(), atom.end(), plain)) return false;
  for (std::string_view known :
       {"\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft", "\\Recent"}) {
    if (flag.size() > known.size() && equalsIgnoringCase(flag.substr(0, known.size()), known)) {
      return false;
    }
  }
  return true;
}

std::optional<std::string> plainFlags(Scanner& scanner) {
  if (!scanner.take('(')) return std::nullopt;
  std::string flags;
  for (;;) {
    scanner.skipBlanks();
    if (scanner.take(')')) return '(' + flags + ')';
    const std::string_view flag = scanner.word();
    if (flag.empty()) {
      if (!scanner.skipValue()) return std::nullopt;
    } else if (isPlainFlag(flag)) {
      flags.append(flags.empty() ? "" : " ").append(flag);
    }
  }
}

// "17-Jul-1996 02:44:25 -0700", RFC 9051 date-time: digits where digits belong.
bool isPlainDate(std::string_view date) {
  constexpr std::string_view kShape = "#d-aaa-dddd dd:dd:dd sdddd";
  if (date.size() != kShape.size()) return false;
  for (size_t i = 0; i < date.size(); ++i) {
    const char c = date[i];
    const bool letter = upper(c) >= 'A' && upper(c) <= 'Z';
    switch (kShape[i]) {
      case '#':
        if (!isDigit(c) && c != ' ') return false;
        break;
      case 'd':
        if (!isDigit(c)) return false;
        break;
      case 'a':
        if (!letter) return false;
        break;
      case 's':
        if (c != '+' && c != '-') return false;
        break;
      default:
        if (c != kShape[i]) return false;
    }
  }
  constexpr std::string_view kMonths = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC";
  return kMonths.find(toUpper(date.substr(3, 3))) != std::string_view::npos;
}

// "BODY[]" or "BODY[]<n>"; `origin` is set to n.
bool isWholeBody(std::string_view name, std::optional<uint64_t>& origin) {
  constexpr std::string_view kBody = "BODY[]";
  if (!equalsIgnoringCase(name.substr(0, kBody.size()), kBody)) return false;
  name.remove_prefix(kBody.size());
  if (name.empty()) return true;
  if (name.size() < 3 || name.front() != '<' || name.back() != '>') return false;
  origin = parseNumber(name.substr(1, name.size() - 2));
  return origin.has_value();
}

bool isHeaderFields(std::string_view name) {
  constexpr std::string_view kFields = "BODY[HEADER.FIELDS";
  return equalsIgnoringCase(name.substr(0, kFields.size()), kFields);
}

class Sieve {
 public:
  explicit Sieve(RawResponse& response) : scanner_(response) {}

  std::optional<SievedFetch> run() {
    if (!begin()) return std::nullopt;
    for (;;) {
      scanner_.skipBlanks();
      if (scanner_.take(')')) break;
      const std::string_view name = scanner_.itemName();
      scanner_.skipBlanks();
      if (name.empty() || !item(name)) return std::nullopt;
    }
    fetch_.line = "* 1 FETCH (" + items_ + ")\r\n";
    return std::move(fetch_);
  }

 private:
  bool begin() {
    if (!scanner_.take('*')) return false;
    scanner_.skipBlanks();
    if (!parseNumber(scanner_.word())) return false;
    scanner_.skipBlanks();
    if (!scanner_.takeWord("FETCH")) return false;
    scanner_.skipBlanks();
    return scanner_.take('(');
  }

  bool item(std::string_view name) {
    std::optional<uint64_t> origin;
    if (equalsIgnoringCase(name, "UID")) {
      const auto uid = parseNumber32(scanner_.word());
      if (!uid) return false;
      if (*uid != 0) add("UID " + std::to_string(*uid));
      return true;
    }
    if (equalsIgnoringCase(name, "FLAGS")) {
      const auto flags = plainFlags(scanner_);
      if (flags) add("FLAGS " + *flags);
      return flags.has_value();
    }
    if (equalsIgnoringCase(name, "INTERNALDATE")) {
      const auto date = scanner_.nstring();
      if (date && isPlainDate(date->bytes)) add("INTERNALDATE \"" + date->bytes + '"');
      return date.has_value();
    }
    if (isWholeBody(name, origin)) return body(origin);
    if (isHeaderFields(name)) return header();
    const size_t start = scanner_.position();
    if (!scanner_.skipValue()) return false;
    const std::string_view value = scanner_.since(start);
    if (equalsIgnoringCase(name, "RFC822.SIZE")) fetch_.size = parseNumber(value);
    if (equalsIgnoringCase(name, "MODSEQ") && value.size() > 2) {
      fetch_.modseq = parseNumber(value.substr(1, value.size() - 2)).value_or(0);
    }
    return true;
  }

  bool body(std::optional<uint64_t> origin) {
    const bool quoted = scanner_.peek() == '"';
    auto value = scanner_.nstring();
    if (!value) return false;
    fetch_.body = Body{value->nil, origin, value->length, std::move(value->bytes), !quoted};
    return true;
  }

  bool header() {
    auto value = scanner_.nstring();
    if (value) fetch_.header = std::move(value->bytes);
    return value.has_value();
  }

  void add(const std::string& text) { items_.append(items_.empty() ? "" : " ").append(text); }

  Scanner scanner_;
  SievedFetch fetch_;
  std::string items_;
};

}  // namespace

std::optional<SievedFetch> sieveFetch(RawResponse& response) {
  return Sieve(response).run();
}

}  // namespace emlfs::imap
