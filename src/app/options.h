// The one vocabulary of options: the same names in -o, in the config file and in the manual.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "emlfs/account/account.h"
#include "emlfs/base/clock.h"
#include "emlfs/base/log.h"
#include "emlfs/base/secret.h"
#include "emlfs/imap/endpoint.h"

namespace emlfs::app {

struct Options {
  std::string mount_point;  // empty: the command line says it
  Secret password;
  imap::Authentication auth = imap::Authentication::password;
  std::string password_command;
  std::string password_file;
  std::string token_command;
  std::string client_cert;
  std::string client_key;  // empty: client_cert holds it, too
  std::string ca_file;
  std::string tls_fingerprint;
  bool plaintext = false;
  std::string cache_dir;  // empty: below $XDG_CACHE_HOME
  std::string state_dir;  // empty: below $XDG_STATE_HOME
  Milliseconds timeout{};
  unsigned connections = 0;
  Milliseconds poll{};
  uint64_t cache_size = 0;             // bytes of bodies
  imap::Rate bandwidth;                // of what is received and sent, together
  std::vector<std::string> mailboxes;  // patterns; empty: all
  std::string name_format;
  bool read_only = false;
  Deletion deletion = Deletion::flag;
  bool sync = false;
  bool allow_other = false;
  std::optional<uid_t> uid;  // absent: who mounts
  std::optional<gid_t> gid;
  mode_t umask = 0;
  log::Level log_level = log::Level::error;
  std::string log_file;           // empty: syslog, or standard error in the foreground
  std::set<std::string> without;  // upper case

  // With every default of the table.
  static Options defaults();
};

enum class Kind { text, path, number, duration, size, rate, flag, choice, user, group, mode, list };

enum class Place { anywhere, config_file };

struct OptionSpec {
  std::string_view name;
  Kind kind;
  std::string_view preset;  // as it would be written; empty: see help
  std::string_view help;    // one line; a choice begins with its values
  // Throws std::invalid_argument with what a value must be ("a duration, such as 30s").
  void (*set)(Options& options, const std::string& value);
  // Where it may stand: others can see a command line, and some things are said there in another
  // way.
  Place place = Place::anywhere;
  std::string_view more = {};  // for the manual: whole sentences that the line has no room for
};

// All options, in the order of the manual.
std::span<const OptionSpec> optionTable();
// Without those that only the config file has.
std::vector<OptionSpec> commandLineOptions();

// What stands for a value in a description, "=PATH"; empty for a flag.
std::string placeholder(Kind kind);

// The table as text, for --help.
std::string optionHelp();

// Sets one option of -o. A flag may come without a value. Relative paths begin at the working
// directory. Throws Error(invalid): an unknown name, with the nearest right one, or a value that
// doesn't fit.
void setOption(Options& options, std::string_view name, const std::optional<std::string>& value);

// The same of the config file, whose relative paths begin at `base`.
void setConfigOption(Options& options, std::string_view name, const std::string& value,
                     const std::string& base);

// An element of a list as it is written between others: ':' as "\:", a backslash as "\\".
std::string escapedForList(std::string_view element);

struct Assignment {
  std::string name;
  std::optional<std::string> value;
  bool operator==(const Assignment&) const = default;
};

// Takes the value of -o apart at its commas. A value whole in double quotes may hold commas, with
// \" and \\ in it; without quotes a comma is written as \, and a backslash before it as \\.
// Throws Error(invalid).
std::vector<Assignment> splitOptions(std::string_view text);

// Words of mount(8) that mean nothing to emlfs, or are what it does anyway: nosuid, _netdev, ...
bool isMountWord(std::string_view name);

// One -o. "ro" and "rw" of mount(8) are read_only, "async" is the opposite of sync.
void applyOptions(Options& options, std::string_view text);

}  // namespace emlfs::app
