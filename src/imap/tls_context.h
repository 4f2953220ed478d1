// What TLS is to accept from a server: OpenSSL's settings made from an Endpoint.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "emlfs/imap/endpoint.h"
#include "imap/tls_sessions.h"

namespace emlfs::imap {

// For one connection at a time: it keeps why the last certificate was refused.
class TlsContext {
 public:
  // Throws Error(invalid, account): no such ca_file, malformed fingerprint, no such client_cert or
  // client_key, one that isn't PEM, is encrypted, or doesn't fit the other.
  explicit TlsContext(const Endpoint& endpoint);
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  // A client's SSL without BIOs that asks for the host by name, and to go on with an earlier
  // session if there is one.
  std::unique_ptr<SSL, FreeSsl> client() const;
  // The handshake failed: that session may be why.
  void forgetSession() const { forgetTlsSession(session_key_); }

  // Why the certificate was refused; empty if it was not.
  const std::string& refusal() const { return refusal_; }

 private:
  static int verify(X509_STORE_CTX* chain, void* self) noexcept;
  static int keepSession(SSL* ssl, SSL_SESSION* session) noexcept;
  bool accepts(X509_STORE_CTX* chain);

  struct FreeContext {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  std::unique_ptr<SSL_CTX, FreeContext> context_;
  std::string host_;
  std::string peer_;         // "host:port", for messages
  std::string fingerprint_;  // canonical; empty: chain and name decide
  std::string session_key_;  // empty: sessions are not taken up again
  std::string refusal_;
};

}  // namespace emlfs::imap
