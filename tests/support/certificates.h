// A throwaway CA and the server certificates that it signs: for scripted servers and the test
// Dovecot. Nothing here is ever trusted outside of a test's own directory.
#pragma once

#include <string>

namespace emlfs::test {

struct KeyPair {
  std::string certificate;  // PEM file
  std::string key;          // PEM file, mode 0600
};

struct Certificates {
  std::string ca_file;  // PEM file, for Endpoint::ca_file
  KeyPair good;         // localhost, 127.0.0.1, ::1
  KeyPair expired;      // as good, but ended in 2021
  KeyPair wrong_host;   // imap.example.org and mail.example.org
  KeyPair self_signed;  // as good, but nobody vouches for it
  KeyPair weak;         // as good, but with an RSA key of 1024 bits
};

// Writes them into `directory`, which exists. Throws std::runtime_error.
Certificates makeCertificates(const std::string& directory);

// SHA-256 of the certificate, as `openssl x509 -fingerprint -sha256` prints it: "AB:CD:...".
std::string fingerprintOf(const std::string& certificate_file);

}  // namespace emlfs::test
