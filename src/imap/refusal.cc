#include "imap/refusal.h"

#include <fmt/format.h>

#include "emlfs/base/error.h"

namespace emlfs::imap {

const std::string& words(const StatusLine& status) {
  return status.text.empty() ? status.code : status.text;
}

void check(const StatusLine& status, std::string_view what) {
  if (status.status == Status::ok) return;
  const std::string text = fmt::format("{}: the server says: {}", what, words(status));
  if (status.status == Status::bad) {
    throw Error(Code::protocol, Scope::mailbox, text, words(status));
  }
  struct Meaning {
    std::string_view response;
    Code code;
    Scope scope = Scope::mailbox;
  };
  // RFC 5530, but for TRYCREATE (RFC 9051), TOOBIG (RFC 4469) and READ-ONLY.
  static constexpr Meaning kMeanings[] = {
      {"NONEXISTENT", Code::not_found},
      {"TRYCREATE", Code::not_found},
      {"ALREADYEXISTS", Code::exists},
      {"OVERQUOTA", Code::quota},
      {"NOPERM", Code::denied},
      {"READ-ONLY", Code::denied},
      {"EXPUNGEISSUED", Code::stale},
      {"CANNOT", Code::invalid},
      {"LIMIT", Code::limit},
      {"TOOBIG", Code::limit, Scope::message},
      {"INUSE", Code::busy},
      {"UNAVAILABLE", Code::busy},
      // To a session that was let in: it has come to its end, and a new one may have a new token.
      {"AUTHENTICATIONFAILED", Code::auth, Scope::connection},
      {"AUTHORIZATIONFAILED", Code::denied},  // of a mailbox: a proxy may not look there
      {"EXPIRED", Code::auth, Scope::connection},
      {"PRIVACYREQUIRED", Code::auth, Scope::account},
  };
  for (const Meaning& meaning : kMeanings) {
    if (status.code == meaning.response)
      throw Error(meaning.code, meaning.scope, text, words(status));
  }
  throw Error(Code::refused, Scope::mailbox, text, words(status));
}

}  // namespace emlfs::imap
