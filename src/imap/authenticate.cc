// Proving who the user is: AUTHENTICATE (RFC 9051 section 6.2.2) with the best mechanism that both
// know, with SASL-IR (RFC 4959) or without, and the LOGIN command where the server has none. No
// secret before TLS, unless the user asked for plaintext.
#include <fmt/format.h>

#include <utility>
#include <vector>

#include "imap/base64.h"
#include "imap/commands.h"
#include "imap/one_try.h"
#include "imap/sasl.h"

namespace emlfs::imap {
namespace {

// Of challenges, and of a command line: what is longer goes without SASL-IR.
constexpr size_t kLongestLine = 8'000;

std::vector<MechanismPtr> offeredMechanisms(const Connection& connection, const Endpoint& endpoint,
                                            const Secret& secret) {
  std::vector<MechanismPtr> offered;
  const auto has = [&](const char* name) { return connection.has(fmt::format("AUTH={}", name)); };
  switch (endpoint.authentication) {
    case Authentication::password:
      if (has("SCRAM-SHA-256")) offered.push_back(scramMechanism(endpoint.user, secret));
      if (has("PLAIN")) offered.push_back(plainMechanism(endpoint.user, secret));
      if (has("LOGIN")) offered.push_back(loginMechanism(endpoint.user, secret));
      break;
    case Authentication::oauth2:
      if (has("OAUTHBEARER")) offered.push_back(oauthBearerMechanism(endpoint, secret));
      if (has("XOAUTH2")) offered.push_back(xoauth2Mechanism(endpoint.user, secret));
      break;
    case Authentication::external:
      if (has("EXTERNAL")) offered.push_back(externalMechanism(endpoint.user));
      break;
  }
  return offered;
}

std::string decodeChallenge(std::string_view text) {
  if (text.size() > kLongestLine)
    throw Error(Code::limit, Scope::connection, "the server's challenge has no end");
  auto challenge = decodeBase64(text);
  if (!challenge)
    throw Error(Code::protocol, Scope::connection, "the server's challenge is not base64");
  return std::move(*challenge);
}

StatusLine runMechanism(Connection& connection, Mechanism& mechanism) {
  Command command("AUTHENTICATE");
  command.syntax(mechanism.name());
  std::optional<Secret> first;
  if (const auto message = mechanism.first()) first = Secret(encodeBase64(message->reveal()));
  if (first && connection.has("SASL-IR") && first->reveal().size() <= kLongestLine) {
    command.syntax(first->empty() ? "=" : first->reveal());
    first.reset();
  }
  StatusLine status = connection.converse(command, [&](std::string_view text) {
    if (first) return std::exchange(first, std::nullopt).value();
    return Secret(encodeBase64(mechanism.answer(decodeChallenge(text)).reveal()));
  });
  if (status.status != Status::ok) return status;
  if (first)
    throw Error(Code::protocol, Scope::connection, "the server says OK to who has proved nothing");
  mechanism.succeeded();
  return status;
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

[[noreturn]] void refused(const StatusLine& status, const Endpoint& endpoint,
                          const Mechanism* mechanism) {
  if (isTemporary(status)) {
    throw Error(Code::network, Scope::connection,
                fmt::format("the server can't log anybody in now: {}", status.text), status.text);
  }
  std::string why = mechanism ? mechanism->refusal() : "";
  if (!why.empty()) why = " (" + why + ")";
  const auto text = [&](const char* what, const char* advice = "") {
    return fmt::format("the server refused {} {}{}: {}{}", what, endpoint.user, why, words(status),
                       advice);
  };
  switch (endpoint.authentication) {
    case Authentication::external:
      throw Error(Code::auth, Scope::account, text("the client certificate as"), status.text);
    case Authentication::oauth2:
      throw SecretRefused(Code::auth, Scope::account, text("the token of"), status.text);
    case Authentication::password:
      break;
  }
  const bool scram = mechanism && mechanism->name().starts_with("SCRAM");
  throw SecretRefused(
      Code::auth, Scope::account,
      text("the user name or password of",
           scram ? " (if it is right, the server may not keep it for SCRAM-SHA-256: try "
                   "without=AUTH=SCRAM-SHA-256)"
                 : ""),
      status.text);
}

[[noreturn]] void nothingOffered(Authentication authentication) {
  const bool token = authentication == Authentication::oauth2;
  throw Error(Code::auth, Scope::account,
              fmt::format("the server offers no {} to sign in with: auth={} is not for it",
                          token ? "OAUTHBEARER and no XOAUTH2" : "EXTERNAL",
                          token ? "oauth2" : "external"));
}

void tryMechanisms(Connection& connection, const Endpoint& endpoint, const Secret& secret) {
  for (const MechanismPtr& mechanism : offeredMechanisms(connection, endpoint, secret)) {
    const StatusLine status = runMechanism(connection, *mechanism);
    if (status.status == Status::ok) return;
    // Some servers announce what they don't know. But a NO is final: a second try would count as a
    // second wrong password.
    if (status.status != Status::bad) refused(status, endpoint, mechanism.get());
  }
  if (endpoint.authentication != Authentication::password) nothingOffered(endpoint.authentication);
  const StatusLine status = loginCommand(connection, endpoint.user, secret);
  if (status.status != Status::ok) refused(status, endpoint, nullptr);
}

}  // namespace

void authenticate(Connection& connection, const Endpoint& endpoint, const Secret& secret,
                  const Event& interrupt) {
  if (!connection.transport().secure() && endpoint.security != Security::plain) {
    throw Error(Code::tls, Scope::account, "no password is sent over an insecure connection");
  }
  OneTry one(endpoint, secret, Deadline::after(endpoint.timeout), interrupt);
  try {
    tryMechanisms(connection, endpoint, secret);
    one.succeeded();
  } catch (const SecretRefused& error) {
    one.refused(error);
    throw;
  } catch (const Error& error) {
    // Silence and interruptions are no answer to it.
    if (error.scope == Scope::connection && error.code != Code::timeout &&
        error.code != Code::cancelled && error.code != Code::auth)
      one.failed();
    throw;
  }
}

}  // namespace emlfs::imap
