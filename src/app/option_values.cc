#include "app/option_values.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>

#include <limits>
#include <stdexcept>
#include <utility>

#include "app/units.h"
#include "emlfs/view/names.h"

namespace emlfs::app::value {
namespace {

// (uid_t)-1 means "no change" to the kernel.
constexpr uint64_t kHighestId = std::numeric_limits<uid_t>::max() - 1;

}  // namespace

bool flag(Text value) {
  if (value == "yes" || value == "true" || value == "on" || value == "1") return true;
  if (value == "no" || value == "false" || value == "off" || value == "0") return false;
  throw std::invalid_argument("yes or no");
}

Milliseconds duration(Text value, Milliseconds least, const char* wanted) {
  const auto parsed = parseDuration(value);
  if (!parsed || *parsed < least) throw std::invalid_argument(wanted);
  return *parsed;
}

uint64_t size(Text value, uint64_t least, const char* wanted) {
  const auto parsed = parseSize(value);
  if (!parsed || *parsed < least) throw std::invalid_argument(wanted);
  return *parsed;
}

unsigned number(Text value, unsigned least, unsigned most, const char* wanted) {
  const auto parsed = parseNumber(value);
  if (!parsed || *parsed < least || *parsed > most) throw std::invalid_argument(wanted);
  return static_cast<unsigned>(*parsed);
}

mode_t mode(Text value) {
  const auto parsed = parseNumber(value, 8);
  if (!parsed || *parsed > 0777) throw std::invalid_argument("an octal mode, such as 077");
  return static_cast<mode_t>(*parsed);
}

uid_t userId(Text value) {
  if (const auto id = parseNumber(value); id && *id <= kHighestId) return static_cast<uid_t>(*id);
  if (const passwd* entry = ::getpwnam(value.c_str())) return entry->pw_uid;
  throw std::invalid_argument("a user's name or number");
}

gid_t groupId(Text value) {
  if (const auto id = parseNumber(value); id && *id <= kHighestId) return static_cast<gid_t>(*id);
  if (const group* entry = ::getgrnam(value.c_str())) return entry->gr_gid;
  throw std::invalid_argument("a group's name or number");
}

log::Level level(Text value) {
  if (const auto named = log::levelOf(value)) return *named;
  throw std::invalid_argument("error, warning, info or debug");
}

std::string fingerprint(Text value) {
  size_t digits = 0;
  for (char c : value) {
    if (c == ':') continue;
    if (std::string_view("0123456789abcdefABCDEF").find(c) == std::string_view::npos) digits = 1000;
    ++digits;
  }
  if (digits != 64)
    throw std::invalid_argument(
        "a SHA-256 fingerprint: 64 hexadecimal digits, ':' between them or not");
  return value;
}

std::string nameFormat(Text value) {
  try {
    if (!value.empty()) view::NameFormat checked(value);
  } catch (const Error& error) {
    throw std::invalid_argument(fmt::format("a name pattern ({})", error.what()));
  }
  return value;
}

std::string directory(Text value) {
  if (value.empty()) throw std::invalid_argument("a directory");
  return value;
}

imap::Authentication authentication(Text value) {
  if (value == "password") return imap::Authentication::password;
  if (value == "oauth2") return imap::Authentication::oauth2;
  if (value == "external") return imap::Authentication::external;
  throw std::invalid_argument("password, oauth2 or external");
}

imap::Rate rate(Text value) {
  if (value == "none") return {};
  constexpr uint64_t kLeast = 10;  // bytes a millisecond
  const auto parsed = parseRate(value);
  if (!parsed || parsed->bytes / static_cast<uint64_t>(parsed->period.count()) < kLeast)
    throw std::invalid_argument("a rate of at least 10KB/s, such as 500KiB/s or 2GB/day, or none");
  return *parsed;
}

std::set<std::string> capabilities(Text value) {
  std::set<std::string> names;
  std::string name;
  for (char c : value + ":") {
    if (c == ':' || c == '+') {
      if (!name.empty()) names.insert(std::exchange(name, {}));
    } else if (c > ' ' && c < 0x7f) {
      name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    } else {
      throw std::invalid_argument("names of IMAP capabilities with ':' between them");
    }
  }
  return names;
}

std::vector<std::string> patterns(Text value) {
  std::vector<std::string> all;
  std::string one;
  const auto take = [&] {
    if (one == "!") throw std::invalid_argument("patterns with ':' between them: '!' needs one");
    if (!one.empty()) all.push_back(std::exchange(one, {}));
  };
  for (size_t i = 0; i < value.size(); ++i) {
    const bool quoted =
        value[i] == '\\' && i + 1 < value.size() && (value[i + 1] == ':' || value[i + 1] == '\\');
    if (quoted)
      one += value[++i];
    else if (value[i] == ':')
      take();
    else
      one += value[i];
  }
  take();
  return all;
}

Deletion deletion(Text value) {
  if (value == "flag") return Deletion::flag;
  if (value == "trash") return Deletion::trash;
  if (value == "expunge") return Deletion::expunge;
  throw std::invalid_argument("flag, trash or expunge");
}

}  // namespace emlfs::app::value
