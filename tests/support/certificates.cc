#include "support/certificates.h"

#include <fmt/format.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <cstdio>
#include <memory>
#include <stdexcept>

namespace emlfs::test {
namespace {

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Cert = std::unique_ptr<X509, Freer<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freer<X509_EXTENSION_free>>;
using File = std::unique_ptr<FILE, Freer<fclose>>;

constexpr const char* kLocal = "DNS:localhost,IP:127.0.0.1,IP:::1";

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error("certificates: " + what);
}

void require(bool ok, const std::string& what) {
  if (!ok) fail(what + ": " + ERR_error_string(ERR_get_error(), nullptr));
}

struct Subject {
  std::string name;
  std::string alternative_names;  // OpenSSL's notation; empty: a CA
  const char* from = "20200101000000Z";
  const char* to = "20991231235959Z";
};

void addExtension(X509* cert, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
  Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  require(extension && X509_add_ext(cert, extension.get(), -1) == 1, value);
}

// `issuer` absent: signs itself with `issuer_key`.
Cert makeCert(const Subject& subject, EVP_PKEY* key, X509* issuer, EVP_PKEY* issuer_key) {
  static long serial = 0;
  Cert cert(X509_new());
  require(cert != nullptr, "X509_new");
  X509_set_version(cert.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), ++serial);
  require(ASN1_TIME_set_string_X509(X509_getm_notBefore(cert.get()), subject.from) == 1 &&
              ASN1_TIME_set_string_X509(X509_getm_notAfter(cert.get()), subject.to) == 1,
          "validity");
  X509_set_pubkey(cert.get(), key);
  std::string name = subject.name;
  X509_NAME_add_entry_by_txt(X509_get_subject_name(cert.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<unsigned char*>(name.data()),
                             static_cast<int>(name.size()), -1, 0);
  X509* signer = issuer ? issuer : cert.get();
  X509_set_issuer_name(cert.get(), X509_get_subject_name(signer));
  addExtension(cert.get(), signer, NID_subject_key_identifier, "hash");
  if (subject.alternative_names.empty()) {
    addExtension(cert.get(), signer, NID_basic_constraints, "critical,CA:TRUE");
    addExtension(cert.get(), signer, NID_key_usage, "critical,keyCertSign,cRLSign");
  } else {
    addExtension(cert.get(), signer, NID_basic_constraints, "critical,CA:FALSE");
    addExtension(cert.get(), signer, NID_ext_key_usage, "serverAuth");
    addExtension(cert.get(), signer, NID_subject_alt_name, subject.alternative_names);
  }
  require(X509_sign(cert.get(), issuer_key, EVP_sha256()) > 0, "X509_sign");
  return cert;
}

File open(const std::string& path, const char* mode) {
  File file(fopen(path.c_str(), mode));
  if (!file) fail("can't open " + path);
  return file;
}

KeyPair save(const std::string& stem, X509* cert, EVP_PKEY* key) {
  KeyPair pair{stem + ".pem", stem + ".key"};
  require(PEM_write_X509(open(pair.certificate, "w").get(), cert) == 1, pair.certificate);
  File file = open(pair.key, "w");
  fchmod(fileno(file.get()), 0600);
  require(PEM_write_PrivateKey(file.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
          pair.key);
  return pair;
}

}  // namespace

Certificates makeCertificates(const std::string& directory) {
  Key ca_key(EVP_EC_gen("P-256"));
  Key key(EVP_EC_gen("P-256"));
  Key weak_key(EVP_RSA_gen(1024));
  require(ca_key && key && weak_key, "keys");
  Cert ca = makeCert({"emlfs test CA", ""}, ca_key.get(), nullptr, ca_key.get());

  auto make = [&](const std::string& file, const Subject& subject, EVP_PKEY* server_key) {
    Cert cert = makeCert(subject, server_key, ca.get(), ca_key.get());
    return save(directory + "/" + file, cert.get(), server_key);
  };
  Certificates made;
  made.ca_file = save(directory + "/ca", ca.get(), ca_key.get()).certificate;
  made.good = make("good", {"localhost", kLocal}, key.get());
  made.expired =
      make("expired", {"localhost", kLocal, "20200101000000Z", "20210101000000Z"}, key.get());
  made.wrong_host = make(
      "wrong_host", {"imap.example.org", "DNS:imap.example.org,DNS:mail.example.org"}, key.get());
  made.weak = make("weak", {"localhost", kLocal}, weak_key.get());
  Cert self_signed = makeCert({"localhost", kLocal}, key.get(), nullptr, key.get());
  made.self_signed = save(directory + "/self_signed", self_signed.get(), key.get());
  return made;
}

std::string fingerprintOf(const std::string& certificate_file) {
  File file = open(certificate_file, "r");
  Cert cert(PEM_read_X509(file.get(), nullptr, nullptr, nullptr));
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  require(cert && X509_digest(cert.get(), EVP_sha256(), digest, &size) == 1, certificate_file);
  std::string text;
  for (unsigned i = 0; i < size; ++i) text += fmt::format("{}{:02X}", i ? ":" : "", digest[i]);
  return text;
}

}  // namespace emlfs::test
