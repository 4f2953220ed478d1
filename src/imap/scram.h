// SCRAM-SHA-256 (RFC 5802, RFC 7677), the client's side of it: pure functions of what was said. The
// password never crosses the wire, and the server has to prove that it knows it, too.
//
// User name and password go as they are, without SASLprep (RFC 4013): nothing changes in ASCII, nor
// in what is typed on a keyboard, nearly always. Servers that keep the password's bytes as they
// were given (Dovecot) want it so.
#pragma once

#include <string>
#include <string_view>

#include "emlfs/base/secret.h"

namespace emlfs::imap {

// What a server may ask of us: less is too easy to guess, and no longer allowed; more keeps our CPU
// busy for as long as a hostile server likes.
constexpr unsigned kLeastScramRounds = 4'096;
constexpr unsigned kMostScramRounds = 600'000;

// The first message without its GS2 header "n,,": "n=user,r=nonce".
std::string scramFirst(std::string_view user, std::string_view nonce);

struct ScramFinal {
  std::string message;           // "c=biws,r=...,p=..."
  std::string server_signature;  // that only a server has that knows the password
};

// The answer to the server's first message. Throws Error(auth, account) if that is out of bounds,
// or not an answer to `first`.
ScramFinal scramFinal(const std::string& first, const Secret& password, std::string_view server);

// Throws Error(auth, account) unless the server's last message has the signature.
void verifyScram(const std::string& signature, std::string_view server);

// 24 characters that nobody could guess.
std::string scramNonce();

}  // namespace emlfs::imap
