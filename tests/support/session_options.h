// How a test signs in to one of its servers.
#pragma once

#include "emlfs/imap/session.h"
#include "support/imap_server.h"

namespace emlfs::test {

// With TLS, as the server's user.
inline imap::SessionOptions sessionOptions(const ImapServer& server) {
  imap::SessionOptions options;
  options.endpoint.host = server.host();
  options.endpoint.port = server.imapsPort();
  options.endpoint.user = server.user();
  options.endpoint.ca_file = server.caFile();
  options.secret = [password = server.password()](const auto&) { return Secret(password); };
  return options;
}

}  // namespace emlfs::test
