#include "app/source.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "app/failure.h"

namespace emlfs::app {
namespace {

constexpr std::string_view kShape = "a source is imaps://user@host[:port]";
constexpr uint16_t kTlsPort = 993;
constexpr uint16_t kPlainPort = 143;

bool isAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

uint16_t usualPort(imap::Security security) {
  return security == imap::Security::tls ? kTlsPort : kPlainPort;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string percentDecoded(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (text.front() != '%') {
      out += text.front();
      text.remove_prefix(1);
      continue;
    }
    unsigned value = 0;
    const auto hex = text.substr(1, 2);
    const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), value, 16);
    if (error != std::errc{} || hex.size() != 2 || end != hex.data() + 2)
      throw badInput("malformed source: '%' in the user name must be written as %25");
    out += static_cast<char>(value);
    text.remove_prefix(3);
  }
  return out;
}

std::string parseUser(std::string_view text) {
  if (text.find(':') != std::string_view::npos)
    throw badInput(
        "a password doesn't belong in the source, where other users can see it: it comes from "
        "password_command, password_file, $EMLFS_PASSWORD, ~/.netrc or the prompt "
        "(a ':' in the user name is written as %3A)");
  std::string user = percentDecoded(text);
  if (user.empty()) throw badInput(fmt::format("no user in the source: {}", kShape));
  if (std::any_of(user.begin(), user.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
    throw badInput("malformed source: the user name holds control characters");
  return user;
}

uint16_t parsePort(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0 || port > 65535)
    throw badInput(fmt::format("'{}' is not a port: it must be a number from 1 to 65535", text));
  return static_cast<uint16_t>(port);
}

std::string parseHost(std::string_view text, bool brackets) {
  if (text.empty()) throw badInput(fmt::format("no host in the source: {}", kShape));
  for (char c : text) {
    const bool fits = isAlphanumeric(c) || (brackets ? c == ':' || c == '.' || c == '%'
                                                     : c == '-' || c == '.' || c == '_');
    if (fits) continue;
    if (!brackets && c == ':')
      throw badInput(
          "malformed source: an IPv6 address stands in brackets, as in "
          "imaps://user@[::1]:993");
    throw badInput(fmt::format("'{}' is not a host name", text));
  }
  if (text.front() == '-' || text.front() == '.')
    throw badInput(fmt::format("'{}' is not a host name", text));
  return lower(text);
}

// host, host:port, [address], [address]:port.
void parsePlace(std::string_view text, Source& source) {
  std::string_view port;
  bool has_port = false;
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == std::string_view::npos)
      throw badInput("malformed source: '[' without ']' around the address");
    source.host = parseHost(text.substr(1, close - 1), true);
    port = text.substr(close + 1);
    has_port = !port.empty();
    if (has_port && port.front() != ':')
      throw badInput("malformed source: only ':' and a port may follow the address");
    if (has_port) port.remove_prefix(1);
  } else {
    const size_t colon = text.rfind(':');
    has_port = colon != std::string_view::npos;
    source.host = parseHost(text.substr(0, colon), false);
    if (has_port) port = text.substr(colon + 1);
  }
  source.port = has_port ? parsePort(port) : usualPort(source.security);
}

std::optional<imap::Security> parseScheme(std::string_view scheme) {
  const std::string name = lower(scheme);
  if (name == "imaps") return imap::Security::tls;
  if (name == "imap") return imap::Security::starttls;
  return std::nullopt;
}

}  // namespace

std::string Source::text() const {
  const bool brackets = host.find(':') != std::string::npos;
  std::string out = security == imap::Security::tls ? "imaps://" : "imap://";
  out += user + "@" + (brackets ? "[" + host + "]" : host);
  if (port != usualPort(security)) out += ":" + std::to_string(port);
  return out;
}

bool isAccountName(std::string_view text) {
  return !text.empty() && isAlphanumeric(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return isAlphanumeric(c) || c == '-' || c == '_' || c == '.'; });
}

Source parseSourceUrl(std::string_view text) {
  const size_t colon = text.find("://");
  if (colon == std::string_view::npos) throw badInput(fmt::format("malformed source: {}", kShape));
  const auto security = parseScheme(text.substr(0, colon));
  if (!security)
    throw badInput(fmt::format("'{}://' is not known: a source begins with imaps:// or imap://",
                               text.substr(0, colon)));
  Source source;
  source.security = *security;
  text.remove_prefix(colon + 3);
  // A password may hold '/', so the user is taken off before anything is said about a path.
  const size_t at = text.rfind('@');
  if (at == std::string_view::npos)
    throw badInput(fmt::format("no user in the source: {}", kShape));
  source.user = parseUser(text.substr(0, at));
  text.remove_prefix(at + 1);
  if (text.ends_with('/')) text.remove_suffix(1);
  if (text.find('/') != std::string_view::npos)
    throw badInput("malformed source: nothing may follow the host; the whole account is mounted");
  parsePlace(text, source);
  return source;
}

std::variant<Source, AccountName> parseSource(std::string_view text) {
  if (text.find("://") != std::string_view::npos) return parseSourceUrl(text);
  if (isAccountName(text)) return AccountName{std::string(text)};
  throw badInput(fmt::format("malformed source: {}, imap://... or an account's name", kShape));
}

}  // namespace emlfs::app
