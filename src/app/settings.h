// What a command line and the config file say together.
#pragma once

#include <string>
#include <vector>

#include "app/options.h"
#include "app/source.h"
#include "emlfs/imap/endpoint.h"

namespace emlfs::app {

struct Settings {
  std::string account;  // its name in the config file; empty: the source was a URL
  Source source;
  Options options;
  std::vector<std::string> notices;  // lines for the user
};

// `source` as on the command line; `option_texts` are the values of -o, which win over the config
// file. Throws Error(invalid).
Settings resolveSettings(const std::string& source, const std::vector<std::string>& option_texts);

imap::Endpoint endpointOf(const Settings& settings);

// One line each on standard error.
void printNotices(const std::vector<std::string>& notices);

}  // namespace emlfs::app
