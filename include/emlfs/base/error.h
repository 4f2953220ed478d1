// The one way to fail. An Error is thrown; absence is std::optional. Three places catch: the FUSE
// reply (one errno table, src/fs), a thread's loop (retry by scope), and main (exit code).
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace emlfs {

enum class Code {
  network,        // the server can't be reached, or the connection broke
  timeout,        // no progress within the deadline
  cancelled,      // somebody no longer wants the answer
  tls,            // no TLS, or a certificate that can't be trusted
  auth,           // the server refused the credentials, or there are none
  refused,        // the server said NO, and no more
  denied,         // ... because this user may not do it
  quota,          // ... because it would be more than the user's share
  exists,         // ... because there is such a mailbox already; or a name is taken
  protocol,       // the server said BAD, or something that isn't IMAP
  limit,          // an answer beyond what we are ready to hold, or more than the server takes
  not_found,      // no such mailbox or message
  stale,          // what was asked for existed, under a UIDVALIDITY or UID that is gone
  damaged,        // the cache doesn't hold what was put into it
  busy,           // somebody else has it: a cache or mailbox in use, a mount point taken
  invalid,        // bad input from the user, or what can never be done
  size_changed,   // a body is not as long as the size that was announced
  not_permitted,  // what the mount doesn't do, whatever the rights
  not_empty,      // a mailbox that should be
  system,         // the operating system refused, see error_number
};

// How much is unusable after the failure, and so what has to be tried again.
enum class Scope { message, mailbox, connection, account };

class Error : public std::runtime_error {
 public:
  // `what` is one line for a person and says what to do where that is known.
  // `server` holds the server's own words, if it had any.
  Error(Code the_code, Scope the_scope, const std::string& what, std::string server_words = {})
      : std::runtime_error(what),
        code(the_code),
        scope(the_scope),
        server(std::move(server_words)) {}

  Code code;
  Scope scope;
  std::string server;
  int error_number = 0;  // errno, of what systemError() made
};

// An Error with the text of `error_number` (errno) behind `what`.
Error systemError(const std::string& what, int error_number);

const char* name(Code code);
// The other way; absent if no code is called so.
std::optional<Code> codeNamed(std::string_view name);

}  // namespace emlfs
