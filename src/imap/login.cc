// From the greeting to the authenticated state: STARTTLS (RFC 9051 section 6.2.1), AUTHENTICATE
// PLAIN (RFC 4616) with SASL-IR (RFC 4959) or without, LOGIN where there is no AUTH=PLAIN. No
// credential byte before TLS, unless the user asked for plaintext.
#include <fmt/format.h>

#include "emlfs/base/log.h"
#include "imap/base64.h"
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

StatusLine authenticatePlain(Connection& connection, const std::string& user,
                             const Secret& password) {
  if (user.find('\0') != std::string::npos ||
      password.reveal().find('\0') != std::string_view::npos) {
    throw Error(Code::auth, Scope::account, "a user name or password can't hold a NUL");
  }
  std::string plain;
  plain.reserve(user.size() + password.reveal().size() + 64);
  plain.append(1, '\0').append(user).append(1, '\0').append(password.reveal());
  const Secret message(std::move(plain));
  const Secret encoded(encodeBase64(message.reveal()));

  Command command("AUTHENTICATE");
  command.syntax("PLAIN");
  if (connection.has("SASL-IR")) {
    command.syntax(encoded.reveal());
  } else {
    command.answer(encoded.reveal());
  }
  return connection.run(command);
}

StatusLine loginCommand(Connection& connection, const std::string& user, const Secret& password) {
  if (connection.has("LOGINDISABLED")) {
    throw Error(Code::auth, Scope::account,
                "the server accepts no password (LOGINDISABLED, and no AUTH=PLAIN)");
  }
  try {
    Command command("LOGIN", connection.literals());
    command.string(user).string(password.reveal());
    return connection.run(command);
  } catch (const Error& error) {
    if (error.code != Code::invalid) throw;
    throw Error(Code::auth, Scope::account,
                "the user name or password has a line end or NUL in it, which IMAP can't say");
  }
}

// RFC 5530: these NOs speak of the server's state, not of the password.
bool isTemporary(const StatusLine& status) {
  return status.code == "UNAVAILABLE" || status.code == "INUSE" || status.code == "LIMIT" ||
         status.code == "SERVERBUG";
}

void authenticate(Connection& connection, const SessionOptions& options) {
  const Endpoint& endpoint = options.endpoint;
  if (!connection.transport().secure() && endpoint.security != Security::plain) {
    throw Error(Code::tls, Scope::account, "no password is sent over an insecure connection");
  }
  const Secret password = options.secret ? options.secret({}) : Secret();

  StatusLine status;
  const bool has_plain = connection.has("AUTH=PLAIN");
  if (has_plain) status = authenticatePlain(connection, endpoint.user, password);
  // Some servers announce AUTH=PLAIN and don't know it. A NO is final: a second try would count as
  // a second wrong password.
  if (!has_plain || status.status == Status::bad) {
    status = loginCommand(connection, endpoint.user, password);
  }
  if (status.status == Status::ok) return;
  if (isTemporary(status)) {
    throw Error(Code::network, Scope::connection,
                fmt::format("the server can't log anybody in now: {}", status.text), status.text);
  }
  throw Error(Code::auth, Scope::account,
              fmt::format("the server refused the user name or password of {}: {}", endpoint.user,
                          status.text.empty() ? status.code : status.text),
              status.text);
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

std::string logIn(Connection& connection, const SessionOptions& options) {
  const Security security = options.endpoint.security;
  const StatusLine greeting = readGreeting(connection, security);
  refusePreauth(greeting, security);
  if (security == Security::starttls) startTls(connection);
  if (greeting.status != Status::preauth) {
    if (!connection.capabilitiesKnown()) askCapabilities(connection);
    const unsigned known = connection.capabilityUpdates();
    authenticate(connection, options);
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
