// Where an account is and how to reach it. Plain values.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "emlfs/base/clock.h"
#include "emlfs/base/file.h"
#include "emlfs/base/secret.h"

namespace emlfs::imap {

enum class Security {
  tls,       // imaps://: TLS from the first byte
  starttls,  // imap://: STARTTLS, required
  plain,     // imap:// with the option that says so; never by default
};

// How a connection proves who it is.
enum class Authentication {
  password,  // SCRAM-SHA-256 (RFC 7677), PLAIN, LOGIN: what the server has of these
  oauth2,    // a bearer token: OAUTHBEARER (RFC 7628) or XOAUTH2
  external,  // EXTERNAL (RFC 4422 appendix A): the client certificate says it
};

// So many bytes a period; what isn't used is saved up, for one period. 0 bytes: without a limit.
struct Rate {
  uint64_t bytes = 0;
  Milliseconds period{1'000};
  bool limited() const { return bytes != 0; }
};

struct Endpoint {
  std::string host;  // a name or an address, without brackets
  uint16_t port = 993;
  Security security = Security::tls;
  std::string user;
  Authentication authentication = Authentication::password;

  std::string ca_file;  // PEM; empty: the system's certificates
  std::string
      fingerprint;  // SHA-256 of the certificate, hex, colons allowed; replaces chain and name

  std::string client_cert;  // PEM, ours, with its chain; empty: none
  std::string client_key;   // PEM, without a passphrase

  // The longest wait without progress on the network; also the bound for connecting.
  Milliseconds timeout{30'000};
};

struct SecretRequest {
  // What the server has just refused: only another one is of use.
  const Secret* refused = nullptr;
  // If set: signalling it ends the wait, with Error(cancelled, connection).
  const Event* interrupt = nullptr;
};

// Gives the password or token before a connection is made. Called from the threads of the pool, by
// several at once. Throws Error(auth, connection) if there is none to be had now: unlike one that
// the server refused, that may be asked for again soon.
using SecretSource = std::function<Secret(const SecretRequest&)>;

}  // namespace emlfs::imap
