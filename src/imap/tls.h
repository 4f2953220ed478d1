// TLS over a TcpStream, between memory BIOs: OpenSSL never touches the socket. Owned by one thread.
#pragma once

#include <openssl/ssl.h>

#include <span>
#include <string>
#include <string_view>

#include "emlfs/base/clock.h"
#include "imap/tcp.h"
#include "imap/tls_context.h"

namespace emlfs::imap {

class TlsStream {
 public:
  // Performs the handshake. Neither is owned. Throws Error: tls, network, timeout, cancelled.
  TlsStream(const TlsContext& context, TcpStream& tcp, Deadline deadline);
  ~TlsStream();  // says close_notify, without waiting
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  size_t read(std::span<char> into, Deadline deadline);
  bool readable(Deadline deadline, const Event& wake);  // see TcpStream
  void write(std::string_view bytes, Deadline deadline);
  void write(std::string_view bytes, Patience& patience);
  std::string version() const { return SSL_get_version(ssl_.get()); }

 private:
  void handshake(const TlsContext& context, Deadline deadline);
  void feed(Deadline deadline);           // from the wire to OpenSSL
  void encrypt(std::string_view& bytes);  // takes some of them
  // From OpenSSL to the wire.
  void flush(Deadline deadline, Patience* patience = nullptr);
  void refuseOtherProtocols(std::string_view first) const;
  [[noreturn]] void fail(int result) const;

  TcpStream& tcp_;
  std::unique_ptr<SSL, TlsContext::FreeSsl> ssl_;
  BIO* in_ = nullptr;   // owned by ssl_
  BIO* out_ = nullptr;  // owned by ssl_
  bool answered_ = false;
};

}  // namespace emlfs::imap
