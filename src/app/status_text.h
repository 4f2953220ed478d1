// The JSON of user.emlfs.status as text for a person.
#pragma once

#include <string>

namespace emlfs::app {

// Lines for a terminal: nothing in them can control it. What is missing in `json` is left out.
// Throws Error(protocol) if it isn't a JSON object.
std::string statusText(const std::string& mount_point, const std::string& json);

// The JSON, indented, nothing in it changed.
std::string statusJson(const std::string& json);

}  // namespace emlfs::app
