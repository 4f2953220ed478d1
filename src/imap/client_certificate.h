// The certificate that we show to a server, of Endpoint::client_cert and client_key.
#pragma once

#include <openssl/ssl.h>

#include "emlfs/imap/endpoint.h"

namespace emlfs::imap {

// Nothing happens if there is none. Throws Error(invalid, account), and never asks for a
// passphrase.
void loadClientCertificate(SSL_CTX* context, const Endpoint& endpoint);

}  // namespace emlfs::imap
