#include "imap/tls.h"

#include <fmt/format.h>
#include <openssl/err.h>

#include <algorithm>

#include "emlfs/base/error.h"

namespace emlfs::imap {
namespace {

constexpr int kMostAtOnce = 1 << 20;  // SSL_write counts in int

std::string reason() {
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  const char* text = ERR_reason_error_string(error);
  return text ? text : "unknown error";
}

bool tooOld() {
  switch (ERR_GET_REASON(ERR_peek_error())) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
      return true;
    default:
      return false;
  }
}

// The server's alert about the certificate that we have shown, or haven't.
bool aboutOurCertificate() {
  switch (ERR_GET_REASON(ERR_peek_error())) {
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    case SSL_R_SSLV3_ALERT_NO_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
      return true;
    default:
      return false;
  }
}

[[noreturn]] void refusedOurCertificate(const SSL* ssl, const std::string& peer) {
  const bool shown = SSL_get_certificate(ssl) != nullptr;
  throw Error(Code::tls, Scope::account,
              fmt::format("{} {} ({})", peer,
                          shown ? "doesn't accept the client certificate (client_cert)"
                                : "wants a client certificate: give client_cert and client_key",
                          reason()));
}

}  // namespace

TlsStream::TlsStream(const TlsContext& context, TcpStream& tcp, Deadline deadline)
    : tcp_(tcp), ssl_(context.client()), in_(BIO_new(BIO_s_mem())), out_(BIO_new(BIO_s_mem())) {
  SSL_set_bio(ssl_.get(), in_, out_);
  if (!in_ || !out_) throw Error(Code::system, Scope::connection, "OpenSSL is out of memory");
  SSL_set_connect_state(ssl_.get());
  try {
    handshake(context, deadline);
  } catch (const Error& error) {
    // Some servers say why they don't go on with a session, others just close the connection.
    if (error.code != Code::cancelled) context.forgetSession();
    throw;
  }
}

TlsStream::~TlsStream() {
  if (!SSL_is_init_finished(ssl_.get())) return;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(out_, &bytes);
  if (size > 0) tcp_.writeWithoutWaiting({bytes, static_cast<size_t>(size)});
  ERR_clear_error();
}

void TlsStream::handshake(const TlsContext& context, Deadline deadline) {
  for (;;) {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    const int error = SSL_get_error(ssl_.get(), result);
    if (error == SSL_ERROR_NONE || error == SSL_ERROR_WANT_READ) {
      flush(deadline);
      if (error == SSL_ERROR_NONE) return;
      feed(deadline);
      continue;
    }
    // The alert that says why we leave: for the server's log.
    char* alert = nullptr;
    const long size = BIO_get_mem_data(out_, &alert);
    if (size > 0) tcp_.writeWithoutWaiting({alert, static_cast<size_t>(size)});
    if (!context.refusal().empty()) throw Error(Code::tls, Scope::account, context.refusal());
    if (aboutOurCertificate()) refusedOurCertificate(ssl_.get(), tcp_.peer());
    if (tooOld()) {
      throw Error(Code::tls, Scope::account,
                  fmt::format("{} speaks no TLS 1.2 or newer: it has to be updated", tcp_.peer()));
    }
    throw Error(Code::tls, Scope::account,
                fmt::format("the TLS handshake with {} failed: {}", tcp_.peer(), reason()));
  }
}

size_t TlsStream::read(std::span<char> into, Deadline deadline) {
  for (;;) {
    ERR_clear_error();
    const int got = SSL_read(ssl_.get(), into.data(),
                             static_cast<int>(std::min<size_t>(into.size(), kMostAtOnce)));
    if (got > 0) return static_cast<size_t>(got);
    if (SSL_get_error(ssl_.get(), got) != SSL_ERROR_WANT_READ) fail(got);
    flush(deadline);  // an answer to a key update
    feed(deadline);
  }
}

bool TlsStream::readable(Deadline deadline, const Event& wake) {
  for (;;) {
    ERR_clear_error();
    char byte = 0;
    const int got = SSL_peek(ssl_.get(), &byte, 1);
    if (got > 0 || SSL_get_error(ssl_.get(), got) != SSL_ERROR_WANT_READ) return true;
    flush(deadline);
    // What is there need not be for the application: session tickets, key updates.
    if (!tcp_.readable(deadline, wake)) return false;
    feed(deadline);
  }
}

void TlsStream::write(std::string_view bytes, Deadline deadline) {
  while (!bytes.empty()) {
    encrypt(bytes);
    flush(deadline);
  }
}

void TlsStream::write(std::string_view bytes, Patience& patience) {
  while (!bytes.empty()) {
    encrypt(bytes);
    flush(patience.deadline(), &patience);
  }
}

void TlsStream::encrypt(std::string_view& bytes) {
  ERR_clear_error();
  const std::string_view piece = bytes.substr(0, kMostAtOnce);
  const int sent = SSL_write(ssl_.get(), piece.data(), static_cast<int>(piece.size()));
  if (sent <= 0) fail(sent);
  bytes.remove_prefix(static_cast<size_t>(sent));
}

void TlsStream::feed(Deadline deadline) {
  char bytes[32 << 10];
  const size_t got = tcp_.read(bytes, deadline);
  if (!answered_) refuseOtherProtocols({bytes, got});
  answered_ = true;
  if (BIO_write(in_, bytes, static_cast<int>(got)) != static_cast<int>(got)) {
    throw Error(Code::system, Scope::connection, "OpenSSL is out of memory");
  }
}

void TlsStream::flush(Deadline deadline, Patience* patience) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(out_, &bytes);
  if (size <= 0) return;
  tcp_.write({bytes, static_cast<size_t>(size)}, deadline, patience);
  (void)BIO_reset(out_);
}

// A record of TLS begins with its type; an IMAP greeting, or anything in text, with another byte.
void TlsStream::refuseOtherProtocols(std::string_view first) const {
  if (first[0] == SSL3_RT_HANDSHAKE || first[0] == SSL3_RT_ALERT) return;
  throw Error(
      Code::tls, Scope::account,
      fmt::format("{} does not speak TLS on this port (try imap:// for STARTTLS)", tcp_.peer()));
}

void TlsStream::fail(int result) const {
  if (aboutOurCertificate()) refusedOurCertificate(ssl_.get(), tcp_.peer());
  const bool ended = SSL_get_error(ssl_.get(), result) == SSL_ERROR_ZERO_RETURN;
  throw Error(Code::network, Scope::connection,
              ended ? fmt::format("the server closed the connection ({})", tcp_.peer())
                    : fmt::format("the TLS connection to {} broke: {}", tcp_.peer(), reason()));
}

}  // namespace emlfs::imap
