// Where an account is and how to reach it. Plain values.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "emlfs/base/clock.h"
#include "emlfs/base/secret.h"

namespace emlfs::imap {

enum class Security {
  tls,       // imaps://: TLS from the first byte
  starttls,  // imap://: STARTTLS, required
  plain,     // imap:// with the option that says so; never by default
};

struct Endpoint {
  std::string host;  // a name or an address, without brackets
  uint16_t port = 993;
  Security security = Security::tls;
  std::string user;

  std::string ca_file;  // PEM; empty: the system's certificates
  std::string
      fingerprint;  // SHA-256 of the certificate, hex, colons allowed; replaces chain and name

  // The longest wait without progress on the network; also the bound for connecting.
  Milliseconds timeout{30'000};
};

// Gives the password when a connection logs in. Called from the threads of the pool.
using PasswordSource = std::function<Secret()>;

}  // namespace emlfs::imap
