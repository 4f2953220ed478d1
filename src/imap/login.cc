// From the greeting to the authenticated state: STARTTLS (RFC 9051 section 6.2.1), then
// authenticate.cc.
#include <fmt/format.h>

#include "imap/commands.h"

namespace emlfs::imap {
namespace {

void refusePreauth(const StatusLine& greeting, Security security) {
  if (greeting.status != Status::preauth || security == Security::plain) return;
  throw Error(security == Security::starttls ? Code::tls : Code::protocol, Scope::account,
              "the server claims that this connection is logged in already (PREAUTH), before it "
              "could be secured or had a password: it is not to be trusted");
}

void startTls(Connection& connection) {
  if (!connection.capabilitiesKnown()) askCapabilities(connection);
  if (!connection.has("STARTTLS")) {
    throw Error(Code::tls, Scope::account,
                "the server offers no STARTTLS on this port, or somebody in between hides it; use "
                "imaps:// (port 993) instead");
  }
  const StatusLine status = connection.run(Command("STARTTLS"));
  if (status.status != Status::ok) {
    throw Error(Code::tls, Scope::account,
                fmt::format("the server refused STARTTLS; use imaps:// (port 993) instead. It "
                            "says: {}",
                            status.text),
                status.text);
  }
  connection.startTls();
}

// A server that waits for TLS says nothing to who waits for its greeting.
StatusLine readGreeting(Connection& connection, Security security) {
  try {
    return connection.readGreeting();
  } catch (const Error& error) {
    if (error.code != Code::timeout || security == Security::tls) throw;
    throw Error(error.code, error.scope,
                std::string(error.what()) + " (if this port wants TLS at once: try imaps://)");
  }
}

}  // namespace

std::string logIn(Connection& connection, const Endpoint& endpoint, const Secret& secret,
                  const Event& interrupt) {
  const Security security = endpoint.security;
  const StatusLine greeting = readGreeting(connection, security);
  refusePreauth(greeting, security);
  if (security == Security::starttls) startTls(connection);
  if (greeting.status != Status::preauth) {
    if (!connection.capabilitiesKnown()) askCapabilities(connection);
    const unsigned known = connection.capabilityUpdates();
    authenticate(connection, endpoint, secret, interrupt);
    // Those from before the login no longer hold; many servers send the new ones with the OK.
    if (connection.capabilityUpdates() == known) askCapabilities(connection);
  } else if (!connection.capabilitiesKnown()) {
    askCapabilities(connection);
  }
  enableExtensions(connection);
  compressIfFar(connection);
  return greeting.text;
}

}  // namespace emlfs::imap
