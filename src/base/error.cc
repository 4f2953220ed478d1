#include "emlfs/base/error.h"

#include <system_error>

namespace emlfs {

Error systemError(const std::string& what, int error_number) {
  return Error(Code::system, Scope::account,
               what + ": " + std::generic_category().message(error_number));
}

const char* name(Code code) {
  switch (code) {
    case Code::network:
      return "network";
    case Code::timeout:
      return "timeout";
    case Code::cancelled:
      return "cancelled";
    case Code::tls:
      return "tls";
    case Code::auth:
      return "auth";
    case Code::refused:
      return "refused";
    case Code::denied:
      return "denied";
    case Code::quota:
      return "quota";
    case Code::exists:
      return "exists";
    case Code::protocol:
      return "protocol";
    case Code::limit:
      return "limit";
    case Code::not_found:
      return "not found";
    case Code::stale:
      return "stale";
    case Code::damaged:
      return "damaged";
    case Code::busy:
      return "busy";
    case Code::invalid:
      return "invalid";
    case Code::size_changed:
      return "size changed";
    case Code::system:
      return "system";
  }
  return "unknown";
}

}  // namespace emlfs
