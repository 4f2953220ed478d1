// Reading a status of any version: what is missing or of another type counts as empty.
#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

namespace emlfs::app {

using Json = nlohmann::json;

// Without UIDPLUS.
constexpr const char* kCannotExpunge =
    "the server can't remove single messages (no UIDPLUS): what is removed for good is marked "
    "\\Deleted, until a mail program expunges the mailbox";

// Throws Error(protocol) if it isn't a JSON object.
Json parseStatus(const std::string& text);

// The value at "/server/host"; null if it is missing.
const Json& at(const Json& status, const char* pointer);
bool has(const Json& status, const char* pointer);
uint64_t number(const Json& status, const char* pointer);
double fraction(const Json& status, const char* pointer);
bool flag(const Json& status, const char* pointer);
std::string text(const Json& status, const char* pointer);  // printable

}  // namespace emlfs::app
