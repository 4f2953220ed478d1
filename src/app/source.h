// SOURCE of the command line: where an account is, or what it is called in the config file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "emlfs/imap/endpoint.h"

namespace emlfs::app {

// imaps://user@host[:port] or imap://user@host[:port].
struct Source {
  imap::Security security = imap::Security::tls;  // tls or starttls
  std::string user;                               // decoded; may hold '@'
  std::string host;                               // a name or an address, without brackets
  uint16_t port = 993;

  // As a URL: the user as it is, the port only if it isn't the usual one.
  std::string text() const;
};

// As a source: every account of the config file.
inline constexpr std::string_view kAllAccounts = "all";

struct AccountName {
  std::string name;
};

// The last '@' separates user and host, so that an '@' in the user may stand as it is or as %40.
// Throws Error(invalid), also for a password in the URL, whose text then isn't in the message.
std::variant<Source, AccountName> parseSource(std::string_view text);

// The same for what must be a URL.
Source parseSourceUrl(std::string_view text);

// Letters, digits, '-', '_' and '.'; begins with a letter or digit.
bool isAccountName(std::string_view text);

}  // namespace emlfs::app
