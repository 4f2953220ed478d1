#include "app/source.h"

#include <gtest/gtest.h>

#include <optional>

#include "emlfs/base/error.h"

namespace emlfs::app {
namespace {

struct Good {
  const char* text;
  imap::Security security;
  const char* user;
  const char* host;
  uint16_t port;
  const char* canonical;
};

TEST(Source, ReadsUrls) {
  constexpr auto kTls = imap::Security::tls;
  constexpr auto kStartTls = imap::Security::starttls;
  const Good cases[] = {
      {"imaps://alice@example.org", kTls, "alice", "example.org", 993, "imaps://alice@example.org"},
      {"imap://alice@example.org", kStartTls, "alice", "example.org", 143,
       "imap://alice@example.org"},
      {"imaps://alice@example.org:1993", kTls, "alice", "example.org", 1993,
       "imaps://alice@example.org:1993"},
      {"imaps://alice@example.org:993", kTls, "alice", "example.org", 993,
       "imaps://alice@example.org"},
      {"imaps://alice@example.org@mail.example.org", kTls, "alice@example.org", "mail.example.org",
       993, "imaps://alice@example.org@mail.example.org"},
      {"imaps://alice%40example.org@mail.example.org", kTls, "alice@example.org",
       "mail.example.org", 993, "imaps://alice@example.org@mail.example.org"},
      {"imaps://a%3Ab%25@h", kTls, "a:b%", "h", 993, "imaps://a:b%@h"},
      {"imaps://alice@[::1]", kTls, "alice", "::1", 993, "imaps://alice@[::1]"},
      {"imap://alice@[2001:db8::5]:1143", kStartTls, "alice", "2001:db8::5", 1143,
       "imap://alice@[2001:db8::5]:1143"},
      {"IMAPS://alice@EXAMPLE.org/", kTls, "alice", "example.org", 993,
       "imaps://alice@example.org"},
      {"imaps://DOMAIN\\alice@h", kTls, "DOMAIN\\alice", "h", 993, "imaps://DOMAIN\\alice@h"},
      {"imaps://alice@127.0.0.1:65535", kTls, "alice", "127.0.0.1", 65535,
       "imaps://alice@127.0.0.1:65535"},
  };
  for (const Good& good : cases) {
    SCOPED_TRACE(good.text);
    const Source source = std::get<Source>(parseSource(good.text));
    EXPECT_EQ(source.security, good.security);
    EXPECT_EQ(source.user, good.user);
    EXPECT_EQ(source.host, good.host);
    EXPECT_EQ(source.port, good.port);
    EXPECT_EQ(source.text(), good.canonical);
  }
}

TEST(Source, ReadsAccountNames) {
  for (const char* name : {"work", "a", "Home-2", "gmx.net", "x_y"})
    EXPECT_EQ(std::get<AccountName>(parseSource(name)).name, name);
}

std::string refusal(const std::string& text) {
  try {
    parseSource(text);
  } catch (const Error& error) {
    EXPECT_EQ(error.code, Code::invalid);
    return error.what();
  }
  return "accepted";
}

TEST(Source, RefusesTheRestWithOneClearLine) {
  const struct {
    const char* text;
    const char* line;
  } cases[] = {
      {"",
       "malformed source: a source is imaps://user@host[:port], imap://... or an account's name"},
      {"alice@example.org",
       "malformed source: a source is imaps://user@host[:port], imap://... or an account's name"},
      {"-x",
       "malformed source: a source is imaps://user@host[:port], imap://... or an account's name"},
      {"pop3://alice@h", "'pop3://' is not known: a source begins with imaps:// or imap://"},
      {"imaps://example.org", "no user in the source: a source is imaps://user@host[:port]"},
      {"imaps://@example.org", "no user in the source: a source is imaps://user@host[:port]"},
      {"imaps://alice@", "no host in the source: a source is imaps://user@host[:port]"},
      {"imaps://alice@:993", "no host in the source: a source is imaps://user@host[:port]"},
      {"imaps://alice@h:", "'' is not a port: it must be a number from 1 to 65535"},
      {"imaps://alice@h:0", "'0' is not a port: it must be a number from 1 to 65535"},
      {"imaps://alice@h:65536", "'65536' is not a port: it must be a number from 1 to 65535"},
      {"imaps://alice@h:99x", "'99x' is not a port: it must be a number from 1 to 65535"},
      {"imaps://alice@::1",
       "malformed source: an IPv6 address stands in brackets, as in imaps://user@[::1]:993"},
      {"imaps://alice@[::1", "malformed source: '[' without ']' around the address"},
      {"imaps://alice@[::1]993", "malformed source: only ':' and a port may follow the address"},
      {"imaps://alice@ho st", "'ho st' is not a host name"},
      {"imaps://alice@-host", "'-host' is not a host name"},
      {"imaps://alice@h/INBOX",
       "malformed source: nothing may follow the host; the whole account is mounted"},
      {"imaps://al%ice@h", "malformed source: '%' in the user name must be written as %25"},
      {"imaps://al%4@h", "malformed source: '%' in the user name must be written as %25"},
      {"imaps://al%0d%0aice@h", "malformed source: the user name holds control characters"},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.text);
    EXPECT_EQ(refusal(one.text), one.line);
  }
}

TEST(Source, RefusesAPasswordWithoutRepeatingIt) {
  for (const char* text : {"imaps://alice:hunter2@h", "imaps://alice:hun/ter2@h",
                           "imaps://alice@x.org:hunter2@h", "imaps://alice:@h"}) {
    const std::string line = refusal(text);
    EXPECT_EQ(line,
              "a password doesn't belong in the source, where other users can see it: it comes "
              "from password_command, password_file, $EMLFS_PASSWORD, ~/.netrc or the prompt (a "
              "':' in the user name is written as %3A)")
        << text;
  }
}

}  // namespace
}  // namespace emlfs::app
