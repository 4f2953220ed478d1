#include "imap/scram.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>

#include "emlfs/base/error.h"
#include "imap/base64.h"
#include "imap/sasl.h"
#include "imap/text.h"

namespace emlfs::imap {
namespace {

constexpr size_t kSize = 32;  // of what SHA-256 gives
constexpr size_t kLongestMessage = 4'096;

[[noreturn]] void refuse(const std::string& what) {
  throw Error(Code::auth, Scope::account, "SCRAM-SHA-256: the server " + what);
}

void require(bool ok) {
  if (!ok) throw Error(Code::system, Scope::connection, "OpenSSL can't compute SCRAM-SHA-256");
}

// OpenSSL's bytes are unsigned.
unsigned char* raw(std::string& bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}
const unsigned char* raw(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

Secret hmac(std::string_view key, std::string_view text) {
  std::string result(kSize, '\0');
  unsigned size = 0;
  require(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), raw(text), text.size(),
               raw(result), &size) != nullptr &&
          size == kSize);
  return Secret(std::move(result));
}

Secret sha256(std::string_view bytes) {
  std::string result(kSize, '\0');
  unsigned size = 0;
  require(EVP_Digest(bytes.data(), bytes.size(), raw(result), &size, EVP_sha256(), nullptr) == 1 &&
          size == kSize);
  return Secret(std::move(result));
}

Secret saltedPassword(const Secret& password, std::string_view salt, unsigned rounds) {
  std::string result(kSize, '\0');
  const std::string_view text = password.reveal();
  require(PKCS5_PBKDF2_HMAC(text.data(), static_cast<int>(text.size()), raw(salt),
                            static_cast<int>(salt.size()), static_cast<int>(rounds), EVP_sha256(),
                            static_cast<int>(kSize), raw(result)) == 1);
  return Secret(std::move(result));
}

// The value of the attribute that `rest` begins with, and takes it away.
std::string_view take(std::string_view& rest, std::string_view name) {
  if (!rest.starts_with(name)) refuse("answers with something else");
  const size_t comma = std::min(rest.find(','), rest.size());
  const std::string_view value = rest.substr(name.size(), comma - name.size());
  rest.remove_prefix(std::min(comma + 1, rest.size()));
  return value;
}

void checkRounds(std::string_view digits) {
  const auto rounds = parseNumber32(digits);
  if (!rounds) refuse("answers with something else");
  if (*rounds < kLeastScramRounds) {
    refuse(
        fmt::format("keeps the password in a way that is too easy to guess ({} rounds, {} are "
                    "the least)",
                    *rounds, kLeastScramRounds));
  }
  if (*rounds > kMostScramRounds) {
    refuse(
        fmt::format("wants more computing than emlfs is ready to do ({} rounds, {} are the most)",
                    *rounds, kMostScramRounds));
  }
}

}  // namespace

std::string scramFirst(std::string_view user, std::string_view nonce) {
  return fmt::format("n={},r={}", saslName(user), nonce);
}

ScramFinal scramFinal(const std::string& first, const Secret& password, std::string_view server) {
  if (server.size() > kLongestMessage) refuse("answers without end");
  if (server.starts_with("m=")) refuse("wants an extension that emlfs doesn't know");
  std::string_view rest = server;
  const std::string_view nonce = take(rest, "r=");
  const std::string_view ours = std::string_view(first).substr(first.rfind("r=") + 2);
  if (!nonce.starts_with(ours) || nonce.size() == ours.size())
    refuse("answers somebody else (its nonce doesn't begin with ours)");
  const auto salt = decodeBase64(take(rest, "s="));
  if (!salt || salt->empty()) refuse("gives a salt that can't be read");
  const std::string_view rounds = take(rest, "i=");
  checkRounds(rounds);

  const std::string without_proof = fmt::format("c=biws,r={}", nonce);  // biws: "n,,"
  const std::string messages = fmt::format("{},{},{}", first, server, without_proof);
  const Secret salted = saltedPassword(password, *salt, *parseNumber32(rounds));
  const Secret client_key = hmac(salted.reveal(), "Client Key");
  const Secret signature = hmac(sha256(client_key.reveal()).reveal(), messages);
  std::string proof(client_key.reveal());
  for (size_t i = 0; i < kSize; ++i) proof[i] = static_cast<char>(proof[i] ^ signature.reveal()[i]);
  const Secret server_key = hmac(salted.reveal(), "Server Key");
  return {without_proof + ",p=" + encodeBase64(proof),
          std::string(hmac(server_key.reveal(), messages).reveal())};
}

void verifyScram(const std::string& signature, std::string_view server) {
  if (server.starts_with("e="))
    refuse("says: " + printable(server.substr(2, std::min(server.find(','), server.size()) - 2)));
  std::string_view rest = server.substr(0, kLongestMessage);
  const auto theirs = decodeBase64(take(rest, "v="));
  if (!theirs || theirs->size() != signature.size() ||
      CRYPTO_memcmp(theirs->data(), signature.data(), signature.size()) != 0) {
    refuse("doesn't know the password itself: it is not the one that it claims to be");
  }
}

std::string scramNonce() {
  std::array<unsigned char, 18> bytes{};
  require(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1);
  return encodeBase64({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace emlfs::imap
