// Errors of the command line: everything here concerns the whole account, so the scope is always
// that.
#pragma once

#include <string>

#include "emlfs/base/error.h"

namespace emlfs::app {

inline Error failure(Code code, const std::string& what) {
  return Error(code, Scope::account, what);
}

// Bad input from the user.
inline Error badInput(const std::string& what) {
  return failure(Code::invalid, what);
}

// The kernel or fusermount3 did not mount, or did not unmount. Has an exit code of its own.
class MountError : public Error {
 public:
  explicit MountError(const std::string& what) : Error(Code::system, Scope::account, what) {}
};

}  // namespace emlfs::app
