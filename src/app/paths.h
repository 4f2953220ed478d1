// Where things are: home, config, cache and state directories (XDG base directories).
#pragma once

#include <string>
#include <string_view>

#include "app/options.h"
#include "app/source.h"

namespace emlfs::app {

// $HOME, else the entry of the user database. Throws Error(invalid) if there is neither.
std::string homeDirectory();

std::string configFile();  // $XDG_CONFIG_HOME/emlfs/config.toml

// "~/x" below the home directory, a relative path below `base` (empty: the working directory);
// no '/' at its end.
std::string absolutePath(std::string_view path, const std::string& base = {});

// "alice@example.org": a safe file name for the account, with ":PORT" if it isn't 993 or 143, so
// that imaps:// and imap:// to one server share a cache. Long ones end in a hash.
std::string accountDirectory(const Source& source);

struct Directories {
  std::string cache;
  std::string state;
};

// The options' own, else below $XDG_CACHE_HOME and $XDG_STATE_HOME. Nothing is created. Throws
// Error(invalid) if both are one: a cache may be deleted.
Directories directories(const Source& source, const Options& options);

}  // namespace emlfs::app
