// The JSON of user.emlfs.status as text for a person.
#pragma once

#include <string>

namespace emlfs::app {

enum class Style { plain, coloured };

// Lines for a terminal: nothing in them can control it but our own colours. What is missing in
// `json` is left out. Throws Error(protocol) if it isn't a JSON object.
std::string statusText(const std::string& mount_point, const std::string& json,
                       Style style = Style::plain);

// The first line of that, with what is pending or refused.
std::string statusLine(const std::string& mount_point, const std::string& json,
                       Style style = Style::plain);

// The JSON in one line, with the path where it is mounted as `mount_point`.
std::string statusJsonLine(const std::string& mount_point, const std::string& json);

// The JSON, indented, nothing in it changed.
std::string statusJson(const std::string& json);

}  // namespace emlfs::app
