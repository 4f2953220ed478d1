#include "emlfs/base/error.h"

#include <system_error>

namespace emlfs {

Error systemError(const std::string& what, int error_number) {
  Error error(Code::system, Scope::account,
              what + ": " + std::generic_category().message(error_number));
  error.error_number = error_number;
  return error;
}

namespace {

struct Named {
  Code code;
  const char* name;
};
constexpr Named kNames[] = {
    {Code::network, "network"},
    {Code::timeout, "timeout"},
    {Code::cancelled, "cancelled"},
    {Code::tls, "tls"},
    {Code::auth, "auth"},
    {Code::refused, "refused"},
    {Code::denied, "denied"},
    {Code::quota, "quota"},
    {Code::exists, "exists"},
    {Code::protocol, "protocol"},
    {Code::limit, "limit"},
    {Code::not_found, "not found"},
    {Code::stale, "stale"},
    {Code::damaged, "damaged"},
    {Code::busy, "busy"},
    {Code::invalid, "invalid"},
    {Code::size_changed, "size changed"},
    {Code::not_permitted, "not permitted"},
    {Code::not_empty, "not empty"},
    {Code::system, "system"},
};

}  // namespace

const char* name(Code code) {
  for (const Named& each : kNames)
    if (each.code == code) return each.name;
  return "unknown";
}

std::optional<Code> codeNamed(std::string_view name) {
  for (const Named& each : kNames)
    if (each.name == name) return each.code;
  return std::nullopt;
}

}  // namespace emlfs
