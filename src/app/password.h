// Where the password comes from. The first source that has one is used, in this order:
//   1. password_command: run by /bin/sh -c; the first line of its output. A failure is an error.
//   2. password_file: its first line. Refused if group or others have any right on it.
//   3. $CREDENTIALS_DIRECTORY/password, from systemd's LoadCredential=password:...
//   4. $EMLFS_PASSWORD, removed from the environment before anything else runs.
//   5. ~/.netrc: machine HOST login USER password ...
//   6. a prompt on the terminal.
// Never the command line; nothing here is logged.
#pragma once

#include <string>
#include <string_view>

#include "app/options.h"
#include "app/source.h"
#include "emlfs/base/clock.h"
#include "emlfs/base/secret.h"

namespace emlfs::app {

struct PasswordRequest {
  std::string command;  // empty: none
  std::string file;     // empty: none
  std::string user;
  std::string host;
  Milliseconds command_limit{60'000};
};

PasswordRequest passwordRequest(const Source& source, const Options& options);

// Throws Error(auth) if no source has one, Error(invalid) for a source that can't be used. Call
// while the process has one thread: it changes the environment.
Secret findPassword(const PasswordRequest& request);

// The text up to the first line end.
Secret firstLine(std::string_view text);

}  // namespace emlfs::app
