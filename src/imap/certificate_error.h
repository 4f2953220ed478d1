// Why a certificate was refused, for a person: one line, with what to do about it.
#pragma once

#include <openssl/x509.h>

#include <string>

namespace emlfs::imap {

// `error` is OpenSSL's X509_V_ERR_...; `certificate` the one the server has for itself; `peer`
// "host:port".
std::string certificateError(const X509* certificate, int error, const std::string& peer);

// The server has another certificate than the one that tls_fingerprint names.
std::string fingerprintError(const X509* certificate, const std::string& peer);

}  // namespace emlfs::imap
