#include "app/sign_in.h"

#include <memory>
#include <utility>

#include "app/failure.h"
#include "app/password.h"
#include "app/private_file.h"
#include "app/secret_command.h"
#include "app/shared_secret.h"

namespace emlfs::app {
namespace {

using imap::Authentication;

constexpr Milliseconds kTokenLimit{60'000};

void requireTogether(const Settings& settings) {
  const Options& options = settings.options;
  if (options.auth == Authentication::oauth2 && options.token_command.empty())
    throw badInput(
        "auth=oauth2 needs token_command: what prints an access token, such as "
        "token_command=\"pizauth show ACCOUNT\"");
  if (options.auth != Authentication::oauth2 && !options.token_command.empty())
    throw badInput("token_command needs auth=oauth2");
  if (options.auth == Authentication::external && options.client_cert.empty())
    throw badInput("auth=external needs client_cert: the certificate that says who you are");
  if (options.client_cert.empty() && !options.client_key.empty())
    throw badInput("client_key needs client_cert");
  const bool plain = options.plaintext && settings.source.security != imap::Security::tls;
  if (plain && !options.client_cert.empty())
    throw badInput("client_cert is for TLS, and plaintext has none");
}

// Whoever can read the key can read the mail.
void requirePrivateKey(const Options& options) {
  if (!options.client_key.empty())
    requirePrivate(options.client_key, "client_key");
  else if (!options.client_cert.empty())
    requirePrivate(options.client_cert, "client_cert (with its key)");
}

SignIn withToken(const Options& options) {
  return {sharedSecret([script = options.token_command](const Event* interrupt) {
            return runSecretCommand({"token_command", "token", script, kTokenLimit}, interrupt);
          }),
          "token_command"};
}

SignIn withPassword(const Settings& settings) {
  const PasswordRequest request = passwordRequest(settings);
  FoundPassword found = findPassword(request);
  Secret first = found.password;
  const auto again = [request, found](const Event* interrupt) {
    return findAgain(request, found, interrupt);
  };
  return {sharedSecret(again, std::move(first)), nameOf(found.from),
          found.from == PasswordFrom::prompt};
}

}  // namespace

SignIn signIn(const Settings& settings, imap::Endpoint& endpoint) {
  const Options& options = settings.options;
  requireTogether(settings);
  requirePrivateKey(options);
  endpoint.authentication = options.auth;
  endpoint.client_cert = options.client_cert;
  endpoint.client_key = options.client_key;
  if (options.auth == Authentication::password) return withPassword(settings);
  clearPasswordVariable();
  if (options.auth == Authentication::oauth2) return withToken(options);
  return {{}, "client_cert"};
}

}  // namespace emlfs::app
