// ~/.config/emlfs/config.toml: options for every account at its top, then accounts by name.
//
//     timeout = "1min"
//     [account.work]
//     source = "imaps://alice@example.org"
//     password_command = "pass show mail/work"
//
// Emlfs runs what it names, so only its owner may be able to change it; and where it holds a
// password nobody else may read it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "app/options.h"
#include "app/source.h"
#include "emlfs/base/error.h"

namespace emlfs::app {

struct AccountConfig {
  Source source;
  Options options;  // mount_point among them: its own, or its name below that of the top
};

struct Config {
  Options options = Options::defaults();  // with what stands at the top
  std::map<std::string, AccountConfig> accounts;
  // What is wrong with the others, with file and line: it is no matter of those that are right.
  std::map<std::string, Error> broken;
  std::string path;
  bool holds_password = false;  // of a broken account, too
};

// A file that does not exist is an empty one. Throws Error(invalid) with file and line, or with
// what has to be done about the file's owner and mode.
Config loadConfig(const std::string& path);

// The text of a config file; `path` is for messages and for relative paths in it.
Config parseConfig(std::string_view text, const std::string& path);

// Throws Error(invalid) for one that is broken, or a name that isn't there, with the nearest one
// that is.
const AccountConfig& findAccount(const Config& config, const std::string& name);

// Those that can't be mounted at the same time as another, since they have a directory in common,
// are broken then. Throws Error(invalid) if there is no account at all.
void excludeOverlapping(Config& config);

}  // namespace emlfs::app
