// TLS sessions that a server may take up again, which spares both the certificate's transport and
// its proof (RFC 8446 section 2.2), and with TLS 1.2 a round trip. Only in memory, and not for
// ever, since what is resumed is not verified anew. Thread-safe.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "emlfs/imap/endpoint.h"

namespace emlfs::imap {

struct FreeTlsSession {
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};
using TlsSessionPtr = std::unique_ptr<SSL_SESSION, FreeTlsSession>;

// For whom a session is good: the same server, trusted for the same reason.
std::string tlsSessionKey(const Endpoint& endpoint);

// `verified`: in its handshake the certificate was; else it goes on with one that is kept, and is
// good for no longer than that.
void keepTlsSession(const std::string& key, TlsSessionPtr session, bool verified);
// The newest one; null if there is none that can be resumed.
TlsSessionPtr newestTlsSession(const std::string& key);
void forgetTlsSession(const std::string& key);

}  // namespace emlfs::imap
