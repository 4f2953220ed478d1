#include "imap/fingerprint.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <cctype>

#include "emlfs/base/error.h"

namespace emlfs::imap {
namespace {

constexpr size_t kDigits = 64;

std::string withColons(std::string_view digits) {
  std::string text;
  for (size_t i = 0; i < digits.size(); i += 2) {
    if (i > 0) text += ':';
    text += digits.substr(i, 2);
  }
  return text;
}

}  // namespace

std::string fingerprint(const X509* certificate) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (X509_digest(certificate, EVP_sha256(), digest, &size) != 1) {
    throw Error(Code::system, Scope::connection, "SHA-256 failed in OpenSSL");
  }
  std::string digits;
  for (unsigned i = 0; i < size; ++i) digits += fmt::format("{:02X}", digest[i]);
  return withColons(digits);
}

std::string parseFingerprint(std::string_view text) {
  std::string digits;
  bool hex = true;
  for (const char each : text) {
    if (each == ':') continue;
    const auto byte = static_cast<unsigned char>(each);
    hex = hex && std::isxdigit(byte) != 0;
    digits += static_cast<char>(std::toupper(byte));
  }
  if (!hex || digits.size() != kDigits) {
    throw Error(Code::invalid, Scope::account,
                fmt::format("tls_fingerprint is not a SHA-256 fingerprint: {} hex digits are "
                            "needed, colons between them are allowed",
                            kDigits));
  }
  return withColons(digits);
}

}  // namespace emlfs::imap
