#include "app/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "app/failure.h"
#include "app/nearest.h"
#include "app/option_values.h"
#include "app/paths.h"

namespace emlfs::app {
namespace {

using value::Text;

constexpr uint64_t kLeastCache = uint64_t{16} << 20;

constexpr OptionSpec kTable[] = {
    {"mount_point", Kind::path, "",
     "where 'emlfs mount NAME' mounts it; at the top of the file: the directory that the accounts' "
     "own are made in; default ~/mail",
     [](Options& o, Text v) { o.mount_point = value::directory(v); }, Place::config_file},
    {"password", Kind::text, "",
     "the password itself; nobody else may be able to read the file then (chmod 600)",
     [](Options& o, Text v) { o.password = Secret(v); }, Place::config_file},
    {"auth", Kind::choice, "password",
     "password, oauth2 or external: sign in with a password, a token, or client_cert alone",
     [](Options& o, Text v) { o.auth = value::authentication(v); }},
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
     [](Options& o, Text v) { o.tls_fingerprint = value::fingerprint(v); }},
    {"plaintext", Kind::flag, "no", "no TLS with imap://: anyone on the way can read along",
     [](Options& o, Text v) { o.plaintext = value::flag(v); }},
    {"cache_dir", Kind::path, "",
     "what can be fetched again; default $XDG_CACHE_HOME/emlfs/ACCOUNT",
     [](Options& o, Text v) { o.cache_dir = v; }},
    {"state_dir", Kind::path, "", "what can't; default $XDG_STATE_HOME/emlfs/ACCOUNT",
     [](Options& o, Text v) { o.state_dir = v; }},
    {"cache_size", Kind::size, "2GiB", "bodies in the cache, beyond which the least used go",
     [](Options& o, Text v) {
       o.cache_size = value::size(v, kLeastCache, "a size of at least 16MiB, such as 2GiB");
     }},
    {"timeout", Kind::duration, "30s", "the longest wait without progress on the network",
     [](Options& o, Text v) {
       o.timeout = value::duration(v, Milliseconds(1), "a duration above 0, such as 30s");
     }},
    {"connections", Kind::number, "5",
     "to the server at most, those that only watch for changes included",
     [](Options& o, Text v) { o.connections = value::number(v, 1, 64, "a number from 1 to 64"); }},
    {"bandwidth", Kind::rate, "none",
     "received and sent at most, such as 500KiB/s or 1GB/day; what isn't used is saved up to that",
     [](Options& o, Text v) { o.bandwidth = value::rate(v); }},
    {"poll", Kind::duration, "30s", "how often the server is asked for changes",
     [](Options& o, Text v) {
       o.poll =
           value::duration(v, Milliseconds(1000), "a duration of at least 1s, such as 30s or 5min");
     }},
    {"mailboxes", Kind::list, "",
     "those to show: patterns with * and %, behind ! those to leave out; the last that fits "
     "decides",
     [](Options& o, Text v) { o.mailboxes = value::patterns(v); }},
    {"name_format", Kind::text, "",
     "of file names, from {date} {time} {from} {subject} {message_id} {uid}; .UID.eml always ends "
     "it "
     "[{date}_{from}_{subject}]",
     [](Options& o, Text v) { o.name_format = value::nameFormat(v); }},
    {"read_only", Kind::flag, "no", "nothing can be changed",
     [](Options& o, Text v) { o.read_only = value::flag(v); }},
    {"delete", Kind::choice, "flag",
     "flag, trash or expunge: what rm does (\\Deleted and hidden; into the trash; gone for good)",
     [](Options& o, Text v) { o.deletion = value::deletion(v); }},
    {"sync", Kind::flag, "no", "every change waits for the server, and fails if that refuses it",
     [](Options& o, Text v) { o.sync = value::flag(v); }},
    {"allow_other", Kind::flag, "no", "other users may look, as far as umask lets them",
     [](Options& o, Text v) { o.allow_other = value::flag(v); }},
    {"uid", Kind::user, "", "owner of everything, name or number; default who mounts",
     [](Options& o, Text v) { o.uid = value::userId(v); }},
    {"gid", Kind::group, "", "group of everything, name or number; default that of who mounts",
     [](Options& o, Text v) { o.gid = value::groupId(v); }},
    {"umask", Kind::mode, "077", "permissions that are taken away, octal",
     [](Options& o, Text v) { o.umask = value::mode(v); }},
    {"log_level", Kind::choice, "warning", "error, warning, info or debug",
     [](Options& o, Text v) { o.log_level = value::level(v); }},
    {"log_file", Kind::path, "", "default syslog, or standard error with --foreground",
     [](Options& o, Text v) { o.log_file = v; }},
    {"without", Kind::list, "", "IMAP capabilities to leave unused, ':' between them",
     [](Options& o, Text v) { o.without = value::capabilities(v); }},
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
