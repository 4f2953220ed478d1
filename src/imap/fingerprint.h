// The SHA-256 fingerprint of a certificate, as people compare it: "AB:CD:...", 32 pairs.
#pragma once

#include <openssl/x509.h>

#include <string>
#include <string_view>

namespace emlfs::imap {

std::string fingerprint(const X509* certificate);

// What a user wrote, in the form above: colons and case don't matter. Throws Error(invalid,
// account).
std::string parseFingerprint(std::string_view text);

}  // namespace emlfs::imap
