#include "app/options.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <utility>

#include "app/failure.h"
#include "app/nearest.h"
#include "app/paths.h"
#include "app/units.h"
#include "emlfs/view/names.h"

namespace emlfs::app {
namespace {

using Text = const std::string&;

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

// (uid_t)-1 means "no change" to the kernel.
constexpr uint64_t kHighestId = std::numeric_limits<uid_t>::max() - 1;

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

// A ':' in a pattern is written as "\\:", a backslash before it as "\\\\".
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

constexpr uint64_t kLeastCache = uint64_t{16} << 20;

constexpr OptionSpec kTable[] = {
    {"mount_point", Kind::path, "",
     "where 'emlfs mount NAME' mounts it; at the top of the file: the directory that the accounts' "
     "own are made in; default ~/mail",
     [](Options& o, Text v) { o.mount_point = directory(v); }, Place::config_file},
    {"password", Kind::text, "",
     "the password itself; nobody else may be able to read the file then (chmod 600)",
     [](Options& o, Text v) { o.password = Secret(v); }, Place::config_file},
    {"auth", Kind::choice, "password",
     "password, oauth2 or external: sign in with a password, a token, or client_cert alone",
     [](Options& o, Text v) { o.auth = authentication(v); }},
    {"password_command", Kind::text, "", "run by /bin/sh; the first line it prints is the password",
     [](Options& o, Text v) { o.password_command = v; }},
    {"password_file", Kind::path, "", "its first line is the password; mode 0600",
     [](Options& o, Text v) { o.password_file = v; }},
    {"token_command", Kind::text, "",
     "with auth=oauth2: run by /bin/sh; the first line it prints is the access token",
     [](Options& o, Text v) { o.token_command = v; }},
    {"client_cert", Kind::path, "", "certificate (PEM) to show to the server, with its chain",
     [](Options& o, Text v) { o.client_cert = v; }},
    {"client_key", Kind::path, "", "its key (PEM), mode 0600; default: in client_cert, too",
     [](Options& o, Text v) { o.client_key = v; }},
    {"ca_file", Kind::path, "", "certificates to trust (PEM) instead of the system's",
     [](Options& o, Text v) { o.ca_file = v; }},
    {"tls_fingerprint", Kind::text, "", "SHA-256 of the server's certificate: trust this one only",
     [](Options& o, Text v) { o.tls_fingerprint = fingerprint(v); }},
    {"plaintext", Kind::flag, "no", "no TLS with imap://: anyone on the way can read along",
     [](Options& o, Text v) { o.plaintext = flag(v); }},
    {"cache_dir", Kind::path, "",
     "what can be fetched again; default $XDG_CACHE_HOME/emlfs/ACCOUNT",
     [](Options& o, Text v) { o.cache_dir = v; }},
    {"state_dir", Kind::path, "", "what can't; default $XDG_STATE_HOME/emlfs/ACCOUNT",
     [](Options& o, Text v) { o.state_dir = v; }},
    {"cache_size", Kind::size, "2GiB", "bodies in the cache, beyond which the least used go",
     [](Options& o, Text v) {
       o.cache_size = size(v, kLeastCache, "a size of at least 16MiB, such as 2GiB");
     }},
    {"timeout", Kind::duration, "30s", "the longest wait without progress on the network",
     [](Options& o, Text v) {
       o.timeout = duration(v, Milliseconds(1), "a duration above 0, such as 30s");
     }},
    {"connections", Kind::number, "5",
     "to the server at most, those that only watch for changes included",
     [](Options& o, Text v) { o.connections = number(v, 1, 64, "a number from 1 to 64"); }},
    {"bandwidth", Kind::rate, "none",
     "received and sent at most, such as 500KiB/s or 1GB/day; what isn't used is saved up to that",
     [](Options& o, Text v) { o.bandwidth = rate(v); }},
    {"poll", Kind::duration, "30s", "how often the server is asked for changes",
     [](Options& o, Text v) {
       o.poll = duration(v, Milliseconds(1000), "a duration of at least 1s, such as 30s or 5min");
     }},
    {"mailboxes", Kind::list, "",
     "those to show: patterns with * and %, behind ! those to leave out; the last that fits "
     "decides",
     [](Options& o, Text v) { o.mailboxes = patterns(v); }},
    {"name_format", Kind::text, "",
     "of file names, from {date} {time} {from} {subject} {message_id} {uid}; .UID.eml always ends "
     "it "
     "[{date}_{from}_{subject}]",
     [](Options& o, Text v) { o.name_format = nameFormat(v); }},
    {"read_only", Kind::flag, "no", "nothing can be changed",
     [](Options& o, Text v) { o.read_only = flag(v); }},
    {"delete", Kind::choice, "flag",
     "flag, trash or expunge: what rm does (\\Deleted and hidden; into the trash; gone for good)",
     [](Options& o, Text v) { o.deletion = deletion(v); }},
    {"sync", Kind::flag, "no", "every change waits for the server, and fails if that refuses it",
     [](Options& o, Text v) { o.sync = flag(v); }},
    {"allow_other", Kind::flag, "no", "other users may look, as far as umask lets them",
     [](Options& o, Text v) { o.allow_other = flag(v); }},
    {"uid", Kind::user, "", "owner of everything, name or number; default who mounts",
     [](Options& o, Text v) { o.uid = userId(v); }},
    {"gid", Kind::group, "", "group of everything, name or number; default that of who mounts",
     [](Options& o, Text v) { o.gid = groupId(v); }},
    {"umask", Kind::mode, "077", "permissions that are taken away, octal",
     [](Options& o, Text v) { o.umask = mode(v); }},
    {"log_level", Kind::choice, "warning", "error, warning, info or debug",
     [](Options& o, Text v) { o.log_level = level(v); }},
    {"log_file", Kind::path, "", "default syslog, or standard error with --foreground",
     [](Options& o, Text v) { o.log_file = v; }},
    {"without", Kind::list, "", "IMAP capabilities to leave unused, ':' between them",
     [](Options& o, Text v) { o.without = capabilities(v); }},
};

constexpr std::string_view kMountWords[] = {
    "defaults", "auto",       "noauto",      "nofail",     "_netdev",     "_rnetdev",
    "user",     "users",      "nouser",      "owner",      "noowner",     "group",
    "nogroup",  "comment",    "suid",        "nosuid",     "dev",         "nodev",
    "exec",     "noexec",     "atime",       "noatime",    "diratime",    "nodiratime",
    "relatime", "norelatime", "strictatime", "lazytime",   "nolazytime",  "nostrictatime",
    "silent",   "loud",       "iversion",    "noiversion", "nosymfollow", "uhelper",
    "helper"};

std::string unknownOption(std::string_view name) {
  if (name == "password" || name == "pass" || name == "passwd")
    return fmt::format(
        "there is no option '{}', for other users can see command lines: use password_command or "
        "password_file",
        name);
  if (name == "remount")
    return "remount: a mount that is there can't be changed: unmount it, and mount it again";
  std::vector<std::string_view> names;
  for (const OptionSpec& spec : kTable) names.push_back(spec.name);
  return fmt::format("unknown option '{}'{}", name, suggestion(name, names));
}

std::string misplacedOption(std::string_view name) {
  if (name == "password") return unknownOption(name);
  return fmt::format(
      "option {} stands in the config file only: on the command line MOUNTPOINT says it", name);
}

bool mayStandAlone(const OptionSpec& spec) {
  return spec.kind == Kind::flag;
}

}  // namespace

std::span<const OptionSpec> optionTable() {
  return kTable;
}

std::vector<OptionSpec> commandLineOptions() {
  std::vector<OptionSpec> options;
  for (const OptionSpec& spec : kTable)
    if (spec.place == Place::anywhere) options.push_back(spec);
  return options;
}

std::string placeholder(Kind kind) {
  switch (kind) {
    case Kind::flag:
      return "";
    case Kind::path:
      return "=PATH";
    case Kind::number:
      return "=N";
    case Kind::duration:
      return "=TIME";
    case Kind::size:
      return "=SIZE";
    case Kind::user:
      return "=USER";
    case Kind::group:
      return "=GROUP";
    case Kind::mode:
      return "=MODE";
    case Kind::choice:
      return "=WORD";
    case Kind::rate:
      return "=RATE";
    case Kind::list:
      return "=NAME:...";
    case Kind::text:
      return "=TEXT";
  }
  return "";
}

Options Options::defaults() {
  Options options;
  for (const OptionSpec& spec : kTable)
    if (!spec.preset.empty()) spec.set(options, std::string(spec.preset));
  return options;
}

std::string optionHelp() {
  std::string text = "Options for -o and the config file:\n";
  for (const OptionSpec& spec : commandLineOptions()) {
    const std::string left = std::string(spec.name) + placeholder(spec.kind);
    text += fmt::format("  {:24} {}", left, spec.help);
    if (!spec.preset.empty()) text += fmt::format(" [{}]", spec.preset);
    text += '\n';
  }
  return text;
}

namespace {

const OptionSpec& specOf(std::string_view name) {
  const auto* spec = std::find_if(std::begin(kTable), std::end(kTable),
                                  [&](const OptionSpec& s) { return s.name == name; });
  if (spec == std::end(kTable)) throw badInput(unknownOption(name));
  return *spec;
}

void set(Options& options, const OptionSpec& spec, std::string text, const std::string& base) {
  if (text.find('\0') != std::string::npos)
    throw badInput(fmt::format("the value of option {} holds a NUL character", spec.name));
  // The daemon's working directory is another one.
  if (spec.kind == Kind::path && !text.empty()) text = absolutePath(text, base);
  try {
    spec.set(options, text);
  } catch (const std::invalid_argument& wanted) {
    throw badInput(fmt::format("option {}: '{}' is not {}", spec.name, text, wanted.what()));
  }
}

}  // namespace

void setOption(Options& options, std::string_view name, const std::optional<std::string>& value) {
  const OptionSpec& spec = specOf(name);
  if (spec.place == Place::config_file) throw badInput(misplacedOption(name));
  if (!value && !mayStandAlone(spec))
    throw badInput(
        fmt::format("option {} needs a value: {}{}", name, name, placeholder(spec.kind)));
  set(options, spec, value.value_or("yes"), {});
}

void setConfigOption(Options& options, std::string_view name, const std::string& value,
                     const std::string& base) {
  set(options, specOf(name), value, base);
}

std::string escapedForList(std::string_view element) {
  std::string out;
  for (const char c : element) {
    if (c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

bool isMountWord(std::string_view name) {
  return name.starts_with("x-") || name.starts_with("X-") ||
         std::find(std::begin(kMountWords), std::end(kMountWords), name) != std::end(kMountWords);
}

void applyOptions(Options& options, std::string_view text) {
  for (const Assignment& one : splitOptions(text)) {
    if (isMountWord(one.name)) continue;
    if (one.name == "ro" && !one.value) {
      setOption(options, "read_only", "yes");
    } else if (one.name == "rw" && !one.value) {
      setOption(options, "read_only", "no");
    } else if (one.name == "async" && !one.value) {
      setOption(options, "sync", "no");
    } else {
      setOption(options, one.name, one.value);
    }
  }
}

}  // namespace emlfs::app
