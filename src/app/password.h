// Where the password comes from. The first source that has one is used, in this order:
//   1. password_command: run by /bin/sh -c; the first line of its output. A failure is an error.
//   2. password_file: its first line. Refused if group or others have any right on it.
//   3. `password` of the account in the config file.
//   4. $CREDENTIALS_DIRECTORY/ACCOUNT.password, or /password, from systemd's LoadCredential=.
//   5. $EMLFS_PASSWORD, removed from the environment before anything else runs.
//   6. ~/.netrc: machine HOST login USER password ...
//   7. a prompt on the terminal.
// Never the command line; nothing here is logged.
#pragma once

#include <string>

#include "app/settings.h"
#include "emlfs/base/clock.h"
#include "emlfs/base/file.h"
#include "emlfs/base/secret.h"

namespace emlfs::app {

struct PasswordRequest {
  std::string command;  // empty: none
  std::string file;     // empty: none
  Secret given;         // by the config file; empty: none
  std::string account;  // its name in the config file; empty: it has none
  std::string user;
  std::string host;
  Milliseconds command_limit{60'000};
};

PasswordRequest passwordRequest(const Settings& settings);

enum class PasswordFrom { command, file, config, credentials, environment, netrc, prompt };

// For people: "password_command", "the prompt".
const char* nameOf(PasswordFrom from);

struct FoundPassword {
  Secret password;
  PasswordFrom from;
};

// Throws Error(auth) if no source has one, Error(invalid) for a source that can't be used. Call
// while the process has one thread: it changes the environment.
FoundPassword findPassword(const PasswordRequest& request);

// Once more, where it came from; what can't be asked twice gives the same. Throws Error(auth,
// connection) if it has none now, Error(cancelled, connection) once `interrupt` is signalled.
Secret findAgain(const PasswordRequest& request, const FoundPassword& found,
                 const Event* interrupt);

// For who needs no password: nobody that is run finds $EMLFS_PASSWORD in the environment.
void clearPasswordVariable();

}  // namespace emlfs::app
