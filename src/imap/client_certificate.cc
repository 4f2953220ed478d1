#include "imap/client_certificate.h"

#include <fmt/format.h>
#include <openssl/err.h>

#include "emlfs/base/error.h"

namespace emlfs::imap {
namespace {

[[noreturn]] void refuse(const std::string& what) {
  ERR_clear_error();
  throw Error(Code::invalid, Scope::account, what);
}

void requireReadable(const char* option, const std::string& path) {
  try {
    const Secret content(readFile(path));
  } catch (const Error& error) {
    throw Error(Code::invalid, Scope::account, fmt::format("{}: {}", option, error.what()));
  }
}

// OpenSSL's own callback would ask on the terminal.
int noPassphrase(char*, int, int, void* asked) noexcept {
  *static_cast<bool*>(asked) = true;
  return -1;
}

}  // namespace

void loadClientCertificate(SSL_CTX* context, const Endpoint& endpoint) {
  const std::string& chain = endpoint.client_cert;
  if (chain.empty()) return;
  const std::string& key = endpoint.client_key.empty() ? chain : endpoint.client_key;
  requireReadable("client_cert", chain);
  requireReadable("client_key", key);
  bool asked = false;
  SSL_CTX_set_default_passwd_cb(context, noPassphrase);
  SSL_CTX_set_default_passwd_cb_userdata(context, &asked);
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(context, chain.c_str()) != 1) {
    const int reason = ERR_GET_REASON(ERR_peek_last_error());
    if (reason == SSL_R_EE_KEY_TOO_SMALL || reason == SSL_R_CA_KEY_TOO_SMALL ||
        reason == SSL_R_CA_MD_TOO_WEAK)
      refuse(fmt::format("client_cert '{}' is too weak (RSA needs 2048 bits)", chain));
    refuse(fmt::format("client_cert '{}' holds no certificate in PEM form", chain));
  }
  // It also holds the key against the certificate.
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) {
    if (asked)
      refuse(
          fmt::format("client_key '{}' has a passphrase, which emlfs doesn't ask for: use one "
                      "without, mode 0600 ('openssl pkey -in KEY -out NEW' removes it)",
                      key));
    const auto error = ERR_peek_last_error();
    if (ERR_GET_LIB(error) == ERR_LIB_X509)
      refuse(fmt::format("client_key '{}' is not the key of client_cert '{}'", key, chain));
    refuse(fmt::format("client_key '{}' holds no private key in PEM form", key));
  }
  if (SSL_CTX_check_private_key(context) != 1)
    refuse(fmt::format("client_key '{}' is not the key of client_cert '{}'", key, chain));
  SSL_CTX_set_default_passwd_cb_userdata(context, nullptr);  // that was ours
  ERR_clear_error();
}

}  // namespace emlfs::imap
