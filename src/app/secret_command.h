// password_command and token_command: command lines of the user's that print a secret.
#pragma once

#include <string>

#include "emlfs/base/clock.h"
#include "emlfs/base/file.h"
#include "emlfs/base/secret.h"

namespace emlfs::app {

struct SecretCommand {
  const char* option;         // that it is the value of: "token_command"
  const char* gives;          // "token"
  const std::string& script;  // for /bin/sh -c
  Milliseconds limit;
};

// The first line of its output. Throws Error(auth, connection) if there is none, with the last line
// that it complained in; Error(cancelled, connection) once `interrupt` (may be null) is signalled.
Secret runSecretCommand(const SecretCommand& command, const Event* interrupt);

// The text up to the first line end.
Secret firstLine(std::string_view text);

}  // namespace emlfs::app
