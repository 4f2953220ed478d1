// Files with secrets in them, or that say what is run.
#pragma once

#include <optional>
#include <string>

#include "emlfs/base/secret.h"

namespace emlfs::app {

// At most 64 KiB. Absent if there is no such file. Throws Error(invalid).
std::optional<Secret> readSecretFile(const std::string& path);

// Throws Error(invalid), beginning with `what`, if group or others have any right on a regular
// file (a pipe from a shell's <(...) passes).
void requirePrivate(const std::string& path, const std::string& what);

// Both.
std::optional<Secret> readPrivateFile(const std::string& path, const std::string& what);

struct OwnFile {
  Secret content;
  bool open_to_others = false;  // somebody else may read it
};

// At most 64 KiB. Absent if there is no such file. Throws Error(invalid), also if somebody other
// than this user and root could have written it.
std::optional<OwnFile> readOwnFile(const std::string& path);

}  // namespace emlfs::app
