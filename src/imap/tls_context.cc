#include "imap/tls_context.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <chrono>

#include "emlfs/base/error.h"
#include "emlfs/base/mutex.h"
#include "imap/certificate_error.h"
#include "imap/client_certificate.h"
#include "imap/fingerprint.h"
#include "imap/resolve.h"
#include "imap/tcp.h"

namespace emlfs::imap {
namespace {

// What Debian asks for: RSA from 2048 bits on, no SHA-1. A stricter system policy stays.
constexpr int kSecurityLevel = 2;

std::string withoutFinalDot(std::string host) {
  if (host.ends_with('.')) host.pop_back();
  return host;
}

void require(bool ok) {
  if (!ok) throw Error(Code::system, Scope::account, "OpenSSL can't be set up");
}

// The authorities that the system trusts. To read them takes ten milliseconds of CPU, so that
// connections share them; not for ever, since the system may be told to trust others.
std::shared_ptr<X509_STORE> systemAuthorities() {
  constexpr std::chrono::hours kGoodFor{1};
  static Mutex mutex;
  static std::shared_ptr<X509_STORE> store;
  static Clock::time_point loaded;
  const MutexLock lock(mutex);
  const Clock::time_point now = Clock::now();
  if (!store || now - loaded > kGoodFor) {
    store = {X509_STORE_new(), X509_STORE_free};
    require(store && X509_STORE_set_default_paths(store.get()) == 1);
    loaded = now;
  }
  return store;
}

void loadAuthorities(SSL_CTX* context, const std::string& ca_file) {
  if (ca_file.empty()) {
    SSL_CTX_set1_cert_store(context, systemAuthorities().get());
    return;
  }
  try {
    readFile(ca_file);
  } catch (const Error& error) {
    throw Error(Code::invalid, Scope::account, fmt::format("ca_file: {}", error.what()));
  }
  ERR_clear_error();
  if (SSL_CTX_load_verify_file(context, ca_file.c_str()) != 1) {
    ERR_clear_error();
    throw Error(Code::invalid, Scope::account,
                fmt::format("ca_file '{}' holds no certificate in PEM form", ca_file));
  }
  // Whatever the user put into the file is trusted, also an intermediate or the server's own.
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
}

}  // namespace

TlsContext::TlsContext(const Endpoint& endpoint)
    : context_(SSL_CTX_new(TLS_client_method())),
      host_(withoutFinalDot(endpoint.host)),
      peer_(hostAndPort(endpoint.host, endpoint.port)),
      // One that began with a client certificate is that client's, and Dovecot refuses to go on
      // with it (it sets no session id context).
      session_key_(endpoint.client_cert.empty() ? tlsSessionKey(endpoint) : "") {
  require(context_ != nullptr);
  if (!endpoint.fingerprint.empty()) fingerprint_ = parseFingerprint(endpoint.fingerprint);
  SSL_CTX* context = context_.get();
  require(SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1);
  SSL_CTX_set_security_level(context,
                             std::max(kSecurityLevel, SSL_CTX_get_security_level(context)));
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(context, verify, this);
  loadAuthorities(context, endpoint.ca_file);
  loadClientCertificate(context, endpoint);
  SSL_CTX_set_session_cache_mode(context, session_key_.empty()
                                              ? SSL_SESS_CACHE_OFF
                                              : SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  require(SSL_CTX_set_app_data(context, this) == 1);
  SSL_CTX_sess_set_new_cb(context, keepSession);
}

std::unique_ptr<SSL, TlsContext::FreeSsl> TlsContext::client() const {
  std::unique_ptr<SSL, FreeSsl> ssl(SSL_new(context_.get()));
  require(ssl != nullptr);
  X509_VERIFY_PARAM* checks = SSL_get0_param(ssl.get());
  if (isAddress(host_)) {
    require(X509_VERIFY_PARAM_set1_ip_asc(checks, host_.c_str()) == 1);
  } else {
    X509_VERIFY_PARAM_set_hostflags(checks, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    require(X509_VERIFY_PARAM_set1_host(checks, host_.c_str(), host_.size()) == 1);
    // SSL_set_tlsext_host_name without its C-style cast; OpenSSL copies the name.
    require(SSL_ctrl(ssl.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                     const_cast<char*>(host_.c_str())) == 1);
  }
  if (session_key_.empty()) return ssl;
  if (const auto session = newestTlsSession(session_key_))
    require(SSL_set_session(ssl.get(), session.get()) == 1);
  return ssl;
}

// 1: the session is ours to free.
int TlsContext::keepSession(SSL* ssl, SSL_SESSION* session) noexcept {
  const auto* self = static_cast<TlsContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  keepTlsSession(self->session_key_, TlsSessionPtr(session), SSL_session_reused(ssl) == 0);
  return 1;
}

int TlsContext::verify(X509_STORE_CTX* chain, void* self) noexcept {
  return static_cast<TlsContext*>(self)->accepts(chain) ? 1 : 0;
}

bool TlsContext::accepts(X509_STORE_CTX* chain) {
  const X509* certificate = X509_STORE_CTX_get0_cert(chain);
  refusal_.clear();
  if (!fingerprint_.empty()) {
    if (fingerprint(certificate) == fingerprint_) return true;
    X509_STORE_CTX_set_error(chain, X509_V_ERR_CERT_REJECTED);
    refusal_ = fingerprintError(certificate, peer_);
    return false;
  }
  if (X509_verify_cert(chain) == 1) return true;
  refusal_ = certificateError(certificate, X509_STORE_CTX_get_error(chain), peer_);
  return false;
}

}  // namespace emlfs::imap
