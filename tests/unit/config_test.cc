#include "app/config.h"

#include <gtest/gtest.h>

#include "emlfs/base/error.h"

namespace emlfs::app {
namespace {

TEST(Config, AccountsInheritWhatStandsAtTheTop) {
  const Config config = parseConfig(R"(
timeout = "1min"
connections = 2
allow_other = true

[account.work]
source = "imaps://alice@example.org"
password_command = "pass show mail/work"
connections = 8
without = ["QRESYNC", "MOVE"]

[account.home]
source = "imap://bob@localhost:1143"
ca_file = "ca.pem"
allow_other = false
)",
                                    "/etc/emlfs/config.toml");
  EXPECT_EQ(config.options.timeout, Milliseconds(60'000));
  const AccountConfig& work = findAccount(config, "work");
  EXPECT_EQ(work.source.text(), "imaps://alice@example.org");
  EXPECT_EQ(work.options.timeout, Milliseconds(60'000));
  EXPECT_EQ(work.options.connections, 8U);
  EXPECT_EQ(work.options.password_command, "pass show mail/work");
  EXPECT_EQ(work.options.without, (std::set<std::string>{"QRESYNC", "MOVE"}));
  EXPECT_TRUE(work.options.allow_other);
  const AccountConfig& home = findAccount(config, "home");
  EXPECT_EQ(home.source.port, 1143);
  EXPECT_EQ(home.options.connections, 2U);
  EXPECT_EQ(home.options.ca_file, "/etc/emlfs/ca.pem");
  EXPECT_FALSE(home.options.allow_other);
}

std::string refusal(const std::string& text) {
  try {
    parseConfig(text, "/c.toml");
  } catch (const Error& error) {
    EXPECT_EQ(error.code, Code::invalid);
    return error.what();
  }
  return "accepted";
}

TEST(Config, SaysFileLineAndTheNearestRightOption) {
  const struct {
    const char* text;
    const char* line;
  } cases[] = {
      {"\npasword_file = '/x'",
       "/c.toml:2: unknown option 'pasword_file': did you mean 'password_file'?"},
      {"[account.work]\nsource = 'imaps://a@h'\ntimout = '3s'",
       "/c.toml:3: unknown option 'timout': did you mean 'timeout'?"},
      {"timeout = 'soon'",
       "/c.toml:1: option timeout: 'soon' is not a duration above 0, such as 30s"},
      {"timeout = 1.5", "/c.toml:1: 'timeout' must be a string, a whole number or true or false"},
      {"without = [1]", "/c.toml:1: a list must hold strings"},
      {"[work]\nsource = 'imaps://a@h'",
       "/c.toml:1: unknown table 'work': accounts are [account.NAME]"},
      {"account = 3", "/c.toml:1: accounts are tables: [account.NAME]"},
      {"account.work = 3", "/c.toml:1: an account is a table: [account.NAME]"},
      {"[account.all]\nsource = 'imaps://a@h'", "/c.toml:1: 'all' can't be the name of an account"},
      {"[account.'a b']\nsource = 'imaps://a@h'",
       "/c.toml:1: 'a b' can't be the name of an account"},
      {"\n[account.work]\ntimeout = '3s'", "/c.toml:2: account 'work' has no source"},
      {"[account.work]\n\nsource = 'pop://a@h'",
       "/c.toml:3: 'pop://' is not known: a source begins with imaps:// or imap://"},
      {"[account.work]\nsource = 'imaps://a:secret@h'",
       "/c.toml:2: a password doesn't belong in the source, where other users can see it: it comes "
       "from password_command, password_file, $EMLFS_PASSWORD, ~/.netrc or the prompt (a ':' in "
       "the user name is written as %3A)"},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.text);
    EXPECT_EQ(refusal(one.text), one.line);
  }
}

TEST(Config, MalformedTomlNamesTheLine) {
  EXPECT_TRUE(refusal("timeout = '3s'\n[account.work\n").starts_with("/c.toml:2: "))
      << refusal("timeout = '3s'\n[account.work\n");
}

TEST(Config, UnknownAccountsAreNamed) {
  const auto message = [](const std::string& text, const std::string& name) {
    const Config config = parseConfig(text, "/c.toml");
    try {
      findAccount(config, name);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("found");
  };
  EXPECT_EQ(
      message("[account.work]\nsource='imaps://a@h'\n[account.home]\nsource='imaps://a@h'", "wrok"),
      "no account 'wrok' in /c.toml: did you mean 'work'?");
  EXPECT_EQ(message("", "work"),
            "no account 'work': /c.toml has none; a source is imaps://user@host[:port] or an "
            "account's name");
}

TEST(Config, AMissingFileIsAnEmptyOneAndADirectoryAnError) {
  EXPECT_TRUE(loadConfig("/nonexistent/config.toml").accounts.empty());
  try {
    loadConfig("/proc");
    FAIL() << "a directory was read";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, Code::invalid);
    EXPECT_STREQ(error.what(), "/proc: Is a directory");
  }
}

}  // namespace
}  // namespace emlfs::app
