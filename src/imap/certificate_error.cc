#include "imap/certificate_error.h"

#include <fmt/format.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <memory>
#include <string_view>
#include <vector>

#include "imap/fingerprint.h"

namespace emlfs::imap {
namespace {

constexpr size_t kMostNames = 8;

// A certificate holds what its maker wants, and this goes to a terminal and a log.
std::string printable(std::string_view text) {
  std::string shown(text.substr(0, 200));
  for (char& each : shown) {
    if (each < ' ' || each > '~') each = '?';
  }
  return shown;
}

std::string_view bytesOf(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
          static_cast<size_t>(ASN1_STRING_length(string))};
}

std::string addressOf(const ASN1_OCTET_STRING* bytes) {
  const std::string_view raw = bytesOf(bytes);
  std::string text;
  for (size_t i = 0; i < raw.size(); ++i) {
    const auto byte = static_cast<unsigned char>(raw[i]);
    if (raw.size() == 4) {
      text += fmt::format("{}{}", i ? "." : "", byte);
    } else {
      text += fmt::format("{}{:02x}", i && i % 2 == 0 ? ":" : "", byte);
    }
  }
  return text;
}

std::string commonName(const X509_NAME* name) {
  const int index = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (index < 0) return "?";
  return printable(bytesOf(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index))));
}

// The names that it is for, as OpenSSL checks them: the common name counts only without others.
std::string names(const X509* certificate) {
  const auto free = [](GENERAL_NAMES* list) { GENERAL_NAMES_free(list); };
  const std::unique_ptr<GENERAL_NAMES, decltype(free)> list(
      static_cast<GENERAL_NAMES*>(
          X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
      free);
  std::vector<std::string> found;
  for (int i = 0; list && i < sk_GENERAL_NAME_num(list.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(list.get(), i);
    if (name->type == GEN_DNS) found.push_back(printable(bytesOf(name->d.dNSName)));
    if (name->type == GEN_IPADD) found.push_back(addressOf(name->d.iPAddress));
  }
  if (found.empty()) found.push_back(commonName(X509_get_subject_name(certificate)));
  const bool more = found.size() > kMostNames;
  if (more) found.resize(kMostNames);
  return fmt::format("{}{}", fmt::join(found, ", "), more ? ", ..." : "");
}

std::string date(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return "?";
  return fmt::format("{:04}-{:02}-{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
}

std::string pin(const X509* certificate) {
  return fmt::format("-o tls_fingerprint={}", fingerprint(certificate));
}

std::string problem(const X509* certificate, int error) {
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      if (X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0) break;  // one above it
      return fmt::format("has expired on {} (is the clock right?)",
                         date(X509_get0_notAfter(certificate)));
    case X509_V_ERR_CERT_NOT_YET_VALID:
      if (X509_cmp_current_time(X509_get0_notBefore(certificate)) < 0) break;
      return fmt::format("is valid only from {} on (is the clock right?)",
                         date(X509_get0_notBefore(certificate)));
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return fmt::format("is for another host: use one of its names ({})", names(certificate));
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return "is self-signed";
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return fmt::format("is signed by an authority that is not trusted here ('{}')",
                         commonName(X509_get_issuer_name(certificate)));
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK:
      return "has a key or a signature that is too weak to be safe";
    default:
      break;
  }
  return fmt::format("can't be trusted: {}", X509_verify_cert_error_string(error));
}

bool helpedByCaFile(int error) {
  return error == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT ||
         error == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN ||
         error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT ||
         error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
         error == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE;
}

}  // namespace

std::string certificateError(const X509* certificate, int error, const std::string& peer) {
  return fmt::format(
      "the certificate of {} {}; {}to trust this one certificate, compare its SHA-256 fingerprint "
      "and add {}",
      peer, problem(certificate, error),
      helpedByCaFile(error) ? "trust its authority with -o ca_file=FILE, or " : "",
      pin(certificate));
}

std::string fingerprintError(const X509* certificate, const std::string& peer) {
  return fmt::format(
      "the certificate of {} is not the one that tls_fingerprint names; if the server has a new "
      "one, compare its SHA-256 fingerprint and change to {}",
      peer, pin(certificate));
}

}  // namespace emlfs::imap
