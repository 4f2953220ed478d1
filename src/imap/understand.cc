// Untagged responses except FETCH. LIST, STATUS and SEARCH are read here and not by libetpan, which
// fails on two selectability flags, on extended LIST data, on STATUS=SIZE and on a mailbox name
// with a NUL, and gives STATUS names still quoted.
#include <algorithm>

#include "imap/data.h"
#include "imap/etpan.h"
#include "imap/scanner.h"
#include "imap/text.h"

namespace emlfs::imap {
namespace {

std::optional<std::vector<std::string>> flagList(Scanner& scanner) {
  std::vector<std::string> flags;
  if (!scanner.take('(')) return std::nullopt;
  for (;;) {
    scanner.skipBlanks();
    if (scanner.take(')')) return flags;
    const std::string_view flag = scanner.word();
    if (flag.empty()) return std::nullopt;
    flags.emplace_back(flag);
  }
}

// The delimiter of LIST and NAMESPACE: one quoted character, or NIL.
std::optional<char> delimiter(Scanner& scanner) {
  scanner.skipBlanks();
  const auto value = scanner.nstring();
  if (!value) return std::nullopt;
  if (value->nil || value->bytes.empty()) return '\0';
  if (value->bytes.size() != 1) return std::nullopt;
  return value->bytes[0];
}

std::string specialUse(std::string_view flag) {
  for (const char* known : {"\\All", "\\Archive", "\\Drafts", "\\Flagged", "\\Junk", "\\Sent",
                            "\\Trash", "\\Important"}) {
    if (equalsIgnoringCase(flag, known)) return known;
  }
  return {};
}

std::optional<Data> list(Scanner& scanner) {
  scanner.skipBlanks();
  const auto flags = flagList(scanner);
  if (!flags) return std::nullopt;
  const auto between = delimiter(scanner);
  if (!between) return std::nullopt;
  scanner.skipBlanks();
  auto name = scanner.astring();
  if (!name) return std::nullopt;  // what follows is extended data (RFC 5258): of no interest

  ListEntry entry;
  entry.wire = std::move(*name);
  entry.delimiter = *between;
  for (const std::string& flag : *flags) {
    if (equalsIgnoringCase(flag, "\\Noselect") || equalsIgnoringCase(flag, "\\NonExistent")) {
      entry.selectable = false;
    }
    if (equalsIgnoringCase(flag, "\\Noinferiors")) entry.inferiors = false;
    if (entry.special_use.empty()) entry.special_use = specialUse(flag);
  }
  return entry;
}

// Gmail has sent names with blanks unquoted: then everything before " (" is the name.
std::optional<std::string> statusName(Scanner& scanner) {
  if (scanner.peek() == '"' || scanner.peek() == '{') return scanner.astring();
  const size_t start = scanner.position();
  while (!scanner.atEnd() && scanner.peek() != '(') scanner.take(scanner.peek());
  std::string_view name = scanner.since(start);
  while (name.ends_with(' ')) name.remove_suffix(1);
  if (name.empty()) return std::nullopt;
  return std::string(name);
}

// Numbers that make no sense (MODSEQ -1, UIDNEXT beyond 32 bits) count as not said.
std::optional<Data> status(Scanner& scanner) {
  scanner.skipBlanks();
  auto name = statusName(scanner);
  scanner.skipBlanks();
  if (!name || !scanner.take('(')) return std::nullopt;
  StatusData data{std::move(*name), {}};
  for (;;) {
    scanner.skipBlanks();
    if (scanner.take(')')) return data;
    const std::string_view item = scanner.word();
    scanner.skipBlanks();
    if (item.empty()) return std::nullopt;
    const size_t start = scanner.position();
    if (!scanner.skipValue()) return std::nullopt;
    const std::string_view value = scanner.since(start);
    if (equalsIgnoringCase(item, "MESSAGES")) {
      data.status.messages = parseNumber32(value).value_or(0);
    } else if (equalsIgnoringCase(item, "UIDNEXT")) {
      data.status.uid_next = parseNumber32(value).value_or(0);
    } else if (equalsIgnoringCase(item, "UIDVALIDITY")) {
      data.status.uid_validity = parseNumber32(value).value_or(0);
    } else if (equalsIgnoringCase(item, "HIGHESTMODSEQ")) {
      data.status.highest_modseq = parseNumber(value).value_or(0);
    }
  }
}

std::optional<Data> search(Scanner& scanner) {
  SearchData data;
  for (;;) {
    scanner.skipBlanks();
    if (scanner.atEnd()) return data;
    if (scanner.peek() == '(') {  // "(MODSEQ 917162500)", RFC 7162
      if (!scanner.skipValue()) return std::nullopt;
      continue;
    }
    const auto uid = parseNumber32(scanner.word());
    if (!uid) return std::nullopt;
    data.uids.add(*uid);
  }
}

std::optional<Data> esearch(Scanner& scanner) {
  SearchData data;
  scanner.skipBlanks();
  if (scanner.take('(')) {  // (TAG "A1")
    if (!scanner.takeWord("TAG")) return std::nullopt;
    scanner.skipBlanks();
    auto tag = scanner.astring();
    if (!tag || !scanner.take(')')) return std::nullopt;
    data.tag = std::move(*tag);
  }
  scanner.skipBlanks();
  const bool uid = scanner.takeWord("UID");
  for (;;) {
    scanner.skipBlanks();
    if (scanner.atEnd()) return data;
    const std::string_view item = scanner.word();
    scanner.skipBlanks();
    const size_t start = scanner.position();
    if (item.empty() || !scanner.skipValue()) return std::nullopt;
    if (!equalsIgnoringCase(item, "ALL")) continue;
    auto uids = UidSet::parse(scanner.since(start));
    if (!uids || !uid) return std::nullopt;
    data.uids = std::move(*uids);
  }
}

std::optional<Data> rights(Scanner& scanner) {
  auto name = scanner.astring();
  scanner.skipBlanks();
  auto letters = scanner.astring();
  if (!name || !letters) return std::nullopt;
  return RightsData{std::move(*name), printable(*letters)};
}

std::optional<Data> quota(Scanner& scanner) {
  constexpr uint64_t kStorageUnit = 1024;
  if (!scanner.astring()) return std::nullopt;  // the root's name
  scanner.skipBlanks();
  QuotaData data;
  if (scanner.atEnd()) return data;  // Courier, where there is no limit
  if (!scanner.take('(')) return std::nullopt;
  for (;;) {
    scanner.skipBlanks();
    if (scanner.take(')')) return data;
    const std::string resource = toUpper(scanner.word());
    scanner.skipBlanks();
    const auto used = parseNumber(scanner.word());
    scanner.skipBlanks();
    const auto limit = parseNumber(scanner.word());
    if (!used || !limit) return std::nullopt;
    if (resource == "MESSAGE") data.quota.messages = Usage{*used, *limit};
    if (resource == "STORAGE" && std::max(*used, *limit) <= UINT64_MAX / kStorageUnit)
      data.quota.storage = Usage{*used * kStorageUnit, *limit * kStorageUnit};
  }
}

std::optional<Data> vanished(Scanner& scanner) {
  VanishedData data;
  scanner.skipBlanks();
  if (scanner.take('(')) {
    if (!scanner.takeWord("EARLIER") || !scanner.take(')')) return std::nullopt;
    data.earlier = true;
    scanner.skipBlanks();
  }
  auto uids = UidSet::parse(scanner.word());
  if (!uids) return std::nullopt;
  data.uids = std::move(*uids);
  return data;
}

bool namespaceGroup(Scanner& scanner, Namespace::Kind kind, std::vector<Namespace>& into) {
  constexpr size_t kLimit = 1000;
  scanner.skipBlanks();
  if (scanner.takeWord("NIL")) return true;
  if (!scanner.take('(')) return false;
  for (;;) {
    scanner.skipBlanks();
    if (scanner.take(')')) return true;
    if (!scanner.take('(') || into.size() >= kLimit) return false;
    scanner.skipBlanks();
    auto prefix = scanner.astring();
    if (!prefix) return false;
    const auto between = delimiter(scanner);
    if (!between) return false;
    into.push_back({kind, std::move(*prefix), *between});
    for (scanner.skipBlanks(); !scanner.take(')'); scanner.skipBlanks()) {
      if (!scanner.skipValue()) return false;  // extensions
    }
  }
}

std::optional<Data> namespaces(Scanner& scanner) {
  NamespaceData data;
  for (const auto kind :
       {Namespace::Kind::personal, Namespace::Kind::other_users, Namespace::Kind::shared}) {
    if (!namespaceGroup(scanner, kind, data.namespaces)) return std::nullopt;
  }
  return data;
}

std::optional<Data> numbered(std::string_view number, Scanner& scanner, RawResponse& response) {
  const auto count = parseNumber32(number);
  if (!count) return std::nullopt;
  if (scanner.takeWord("EXISTS")) return ExistsData{*count};
  if (scanner.takeWord("EXPUNGE")) return ExpungeData{};
  if (scanner.takeWord("FETCH")) {
    auto fetch = parseFetch(response);
    if (fetch) return std::move(*fetch);
    return UnreadableData{"FETCH"};
  }
  return OtherData{};
}

}  // namespace

Data understand(RawResponse&& response) {
  Scanner scanner(response);
  scanner.take('*');
  scanner.skipBlanks();
  if (auto line = parseStatusLine(scanner.rest())) return std::move(*line);
  const std::string kind = toUpper(scanner.word());
  scanner.skipBlanks();
  std::optional<Data> data = OtherData{};
  if (!kind.empty() && isDigit(kind[0])) {
    data = numbered(kind, scanner, response);
  } else if (kind == "CAPABILITY") {
    data = CapabilityData{parseCapabilities(scanner.rest())};
  } else if (kind == "ENABLED") {
    data = EnabledData{parseCapabilities(scanner.rest())};
  } else if (kind == "NAMESPACE") {
    data = namespaces(scanner);
  } else if (kind == "LIST") {
    data = list(scanner);
  } else if (kind == "STATUS") {
    data = status(scanner);
  } else if (kind == "SEARCH") {
    data = search(scanner);
  } else if (kind == "ESEARCH") {
    data = esearch(scanner);
  } else if (kind == "MYRIGHTS") {
    data = rights(scanner);
  } else if (kind == "QUOTA") {
    data = quota(scanner);
  } else if (kind == "VANISHED") {
    data = vanished(scanner);
  }
  if (!data) return UnreadableData{printable(kind)};
  return std::move(*data);
}

}  // namespace emlfs::imap
