#include "app/status_json.h"

#include <algorithm>

#include "app/failure.h"
#include "app/printable.h"

namespace emlfs::app {

Json parseStatus(const std::string& text) {
  Json status = Json::parse(text, nullptr, false);
  if (!status.is_object()) throw failure(Code::protocol, "the mount's status can't be read");
  return status;
}

const Json& at(const Json& status, const char* pointer) {
  static const Json kNull;
  const Json::json_pointer where(pointer);
  return status.contains(where) ? status.at(where) : kNull;
}

bool has(const Json& status, const char* pointer) {
  return !at(status, pointer).is_null();
}

uint64_t number(const Json& status, const char* pointer) {
  const Json& value = at(status, pointer);
  return value.is_number_unsigned() ? value.get<uint64_t>() : 0;
}

double fraction(const Json& status, const char* pointer) {
  const Json& value = at(status, pointer);
  return value.is_number() ? std::clamp(value.get<double>(), 0.0, 1.0) : 0;
}

bool flag(const Json& status, const char* pointer) {
  const Json& value = at(status, pointer);
  return value.is_boolean() && value.get<bool>();
}

std::string text(const Json& status, const char* pointer) {
  const Json& value = at(status, pointer);
  return value.is_string() ? printable(value.get<std::string>()) : std::string();
}

}  // namespace emlfs::app
