// What a SASL mechanism (RFC 4422) says, and what it makes of the server's challenges. Neither the
// network nor base64 is its matter: authenticate.cc runs it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "emlfs/base/secret.h"
#include "emlfs/imap/endpoint.h"

namespace emlfs::imap {

// For one try, then used up.
class Mechanism {
 public:
  virtual ~Mechanism() = default;
  virtual std::string name() const = 0;
  // What the client says first; absent: the server begins.
  virtual std::optional<Secret> first() = 0;
  // To a challenge after that. Throws Error if there is nothing to say, so that no server can ask
  // for ever.
  virtual Secret answer(std::string_view challenge) = 0;
  // The server lets us in. Throws Error if it has yet to prove that it may.
  virtual void succeeded() const {}
  // Why it doesn't, as far as it told before its NO; printable.
  virtual std::string refusal() const { return {}; }
};

// They refer to the secret. Throw Error(auth, account) for what the mechanism can't say: a NUL, or
// in a token a character that no token has.
using MechanismPtr = std::unique_ptr<Mechanism>;

// sasl.cc
MechanismPtr plainMechanism(const std::string& user, const Secret& password);  // RFC 4616
MechanismPtr loginMechanism(const std::string& user, const Secret& password);  // "LOGIN", no RFC
MechanismPtr externalMechanism(const std::string& user);  // RFC 4422 appendix A
// sasl_scram.cc: SCRAM-SHA-256 (RFC 7677)
MechanismPtr scramMechanism(const std::string& user, const Secret& password);
// sasl_oauth.cc: OAUTHBEARER (RFC 7628) and XOAUTH2 (Google's, before that)
MechanismPtr oauthBearerMechanism(const Endpoint& endpoint, const Secret& token);
MechanismPtr xoauth2Mechanism(const std::string& user, const Secret& token);

// A user name in a message whose parts have commas between them (RFC 5801 section 4).
std::string saslName(std::string_view user);

// Of the mechanisms: the server asks on where there is nothing more to say.
[[noreturn]] void unexpectedChallenge(std::string_view mechanism);

}  // namespace emlfs::imap
