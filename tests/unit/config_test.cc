#include "app/config.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "emlfs/base/error.h"
#include "environment.h"
#include "support/scratch_dir.h"

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
    const Config config = parseConfig(text, "/c.toml");
    if (!config.broken.empty()) findAccount(config, config.broken.begin()->first);
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
      {"mount_point = ''", "/c.toml:1: option mount_point: '' is not a directory"},
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

TEST(Config, OneBrokenAccountLeavesTheOthers) {
  const Config config = parseConfig(
      "[account.home]\nsource='imaps://a@h'\nread-only = "
      "true\n[account.work]\nsource='imaps://b@h'",
      "/c.toml");
  EXPECT_EQ(findAccount(config, "work").source.user, "b");
  EXPECT_EQ(config.broken.size(), 1U);
  EXPECT_STREQ(config.broken.at("home").what(),
               "/c.toml:3: unknown option 'read-only': did you mean 'read_only'?");
}

TEST(Config, AMissingFileIsAnEmptyOneAndADirectoryAnError) {
  EXPECT_TRUE(loadConfig("/nonexistent/config.toml").accounts.empty());
  try {
    loadConfig("/proc");
    FAIL() << "a directory was read";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, Code::invalid);
    EXPECT_STREQ(error.what(), "can't read /proc: Is a directory");
  }
}

// A config file with this mode.
class ConfigFile {
 public:
  ConfigFile(const std::string& text, mode_t mode) {
    std::ofstream(path_) << text;
    EXPECT_EQ(::chmod(path_.c_str(), mode), 0);
  }
  const std::string& path() const { return path_; }
  std::string refusal() const {
    try {
      loadConfig(path_);
    } catch (const Error& error) {
      EXPECT_EQ(error.code, Code::invalid);
      return error.what();
    }
    return "accepted";
  }

 private:
  test::ScratchDir directory_;
  const std::string path_ = directory_ / "config.toml";
};

constexpr const char* kWithPassword =
    "[account.work]\nsource = 'imaps://a@h'\npassword = 'secret'\n";
constexpr const char* kWithout = "[account.work]\nsource = 'imaps://a@h'\n";

TEST(Config, WithAPasswordNobodyElseMayReadIt) {
  EXPECT_EQ(ConfigFile(kWithPassword, 0600).refusal(), "accepted");
  EXPECT_EQ(ConfigFile(kWithout, 0644).refusal(), "accepted");
  // Also where another thing is wrong with that account.
  const ConfigFile broken(std::string(kWithPassword) + "tiemout = 1\n", 0640);
  EXPECT_THAT(broken.refusal(), testing::HasSubstr("is open to other users"));
  const ConfigFile open(kWithPassword, 0640);
  EXPECT_EQ(open.refusal(),
            open.path() + " holds a password and is open to other users: chmod 600 " + open.path());
}

TEST(Config, NobodyElseMayChangeIt) {
  const ConfigFile writable(kWithout, 0620);
  EXPECT_EQ(writable.refusal(), writable.path() +
                                    " can be changed by other users, and emlfs runs what it says: "
                                    "chmod go-w " +
                                    writable.path());
  if (::geteuid() != 0) return;  // only root can give it away
  const ConfigFile strange(kWithout, 0600);
  ASSERT_EQ(::chown(strange.path().c_str(), 12345, 12345), 0);
  EXPECT_EQ(strange.refusal(), strange.path() +
                                   " belongs to another user, and emlfs runs what it says: copy "
                                   "it, or chown it");
}

TEST(Config, APasswordBelongsToAnAccount) {
  EXPECT_EQ(refusal("password = 'x'"), "/c.toml:1: a password belongs into an account's table");
  const Config config = parseConfig(kWithPassword, "/c.toml");
  EXPECT_EQ(config.accounts.at("work").options.password.reveal(), "secret");
}

TEST(Config, EachAccountHasAPlace) {
  const test::Variable home("HOME", "/home/alice");
  const auto placeOf = [](const std::string& text) {
    return parseConfig(text, "/etc/c.toml").accounts.at("work").options.mount_point;
  };
  EXPECT_EQ(placeOf(kWithout), "/home/alice/mail/work");
  EXPECT_EQ(placeOf(std::string("mount_point = '~/post'\n") + kWithout), "/home/alice/post/work");
  EXPECT_EQ(placeOf(std::string(kWithout) + "mount_point = '/mnt/w'\n"), "/mnt/w");
}

TEST(Config, ElementsOfListsKeepTheirColons) {
  const auto config = parseConfig(
      "[account.work]\nsource = 'imaps://a@h'\nmailboxes = ['INBOX', 'a:b', 'c\\d', '!x']\n",
      "/c.toml");
  EXPECT_EQ(config.accounts.at("work").options.mailboxes,
            (std::vector<std::string>{"INBOX", "a:b", "c\\d", "!x"}));
}

TEST(Config, AccountsThatShareADirectoryAreNamed) {
  const test::Variable home("HOME", "/home/alice");
  const auto complaint = [](const std::string& text) {
    Config config = parseConfig(text, "/c.toml");
    excludeOverlapping(config);
    if (config.broken.empty()) return std::string("apart");
    EXPECT_FALSE(config.accounts.contains("a"));
    EXPECT_FALSE(config.accounts.contains("b"));
    EXPECT_STREQ(config.broken.at("a").what(), config.broken.at("b").what());
    return std::string(config.broken.at("b").what());
  };
  EXPECT_EQ(complaint("[account.a]\nsource='imaps://x@h'\n[account.b]\nsource='imaps://y@h'"),
            "apart");
  EXPECT_EQ(complaint("[account.a]\nsource='imaps://x@h'\nmount_point='/m'\n"
                      "[account.b]\nsource='imaps://y@h'\nmount_point='/m'"),
            "/c.toml: accounts 'a' and 'b' have one mount_point, and each needs its own: /m");
  EXPECT_THAT(complaint("[account.a]\nsource='imaps://x@h'\n[account.b]\nsource='imap://x@h'"),
              testing::StartsWith(
                  "/c.toml: accounts 'a' and 'b' have one cache_dir, and each needs its own: "));
}

TEST(Config, OthersAreNoMatterOfAccountsThatShareADirectory) {
  const test::Variable home("HOME", "/home/alice");
  Config config = parseConfig(
      "[account.a]\nsource='imaps://x@h'\n[account.b]\nsource='imaps://x@h'\n"
      "[account.c]\nsource='imaps://z@h'",
      "/c.toml");
  excludeOverlapping(config);
  ASSERT_EQ(config.accounts.size(), 1U);
  EXPECT_EQ(config.accounts.begin()->first, "c");
  EXPECT_EQ(config.broken.size(), 2U);
}

TEST(Config, WithoutAccountsThereIsNothingToMount) {
  Config config = parseConfig("", "/c.toml");
  EXPECT_THROW(excludeOverlapping(config), Error);
}

}  // namespace
}  // namespace emlfs::app
