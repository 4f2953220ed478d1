#include "app/netrc.h"

#include <strings.h>

namespace emlfs::app {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

class Tokens {
 public:
  explicit Tokens(std::string_view text) : text_(text) {}

  // Absent at the end. Kept as a Secret, for any of them may be the password.
  std::optional<Secret> next() {
    skipSpace();
    if (text_.empty()) return std::nullopt;
    std::string token;
    token.reserve(text_.size());
    const bool quoted = text_.starts_with('"');
    if (quoted) text_.remove_prefix(1);
    while (!text_.empty()) {
      const char c = text_.front();
      if (quoted ? c == '"' : kSpace.find(c) != std::string_view::npos) break;
      if (quoted && c == '\\' && text_.size() > 1) text_.remove_prefix(1);
      token += text_.front();
      text_.remove_prefix(1);
    }
    if (quoted && !text_.empty()) text_.remove_prefix(1);
    return Secret(std::move(token));
  }

  void skipMacro() {
    const size_t end = text_.find("\n\n");
    text_.remove_prefix(end == std::string_view::npos ? text_.size() : end);
  }

 private:
  void skipSpace() {
    for (;;) {
      const size_t start = text_.find_first_not_of(kSpace);
      text_.remove_prefix(start == std::string_view::npos ? text_.size() : start);
      if (!text_.starts_with('#')) return;
      const size_t line = text_.find('\n');
      text_.remove_prefix(line == std::string_view::npos ? text_.size() : line);
    }
  }

  std::string_view text_;
};

struct Entry {
  bool matches_host = false;
  bool is_default = false;
  std::optional<std::string> login;
  std::optional<Secret> password;

  bool matches(std::string_view user) const {
    if (!password) return false;
    if (!login) return matches_host;
    return (matches_host || is_default) && *login == user;
  }
};

bool sameHost(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

std::optional<Secret> findInNetrc(std::string_view text, std::string_view host,
                                  std::string_view user) {
  Tokens tokens(text);
  Entry entry;
  while (const auto token = tokens.next()) {
    const std::string_view word = token->reveal();
    if (word == "machine" || word == "default") {
      if (entry.matches(user)) return entry.password;
      entry = Entry();
      entry.is_default = word == "default";
      if (entry.is_default) continue;
      if (const auto name = tokens.next()) entry.matches_host = sameHost(name->reveal(), host);
    } else if (word == "login") {
      if (const auto login = tokens.next()) entry.login = std::string(login->reveal());
    } else if (word == "password") {
      entry.password = tokens.next();
    } else if (word == "account") {
      tokens.next();
    } else if (word == "macdef") {
      tokens.skipMacro();
    }
  }
  if (entry.matches(user)) return entry.password;
  return std::nullopt;
}

}  // namespace emlfs::app
