#include "app/paths.h"

#include <gtest/gtest.h>

#include "emlfs/base/error.h"
#include "environment.h"

namespace emlfs::app {
namespace {

using test::Variable;

Source source(const std::string& user, const std::string& host, uint16_t port = 993) {
  Source result;
  result.user = user;
  result.host = host;
  result.port = port;
  return result;
}

TEST(Paths, AccountDirectoriesAreSafeFileNames) {
  EXPECT_EQ(accountDirectory(source("alice", "example.org")), "alice@example.org");
  EXPECT_EQ(accountDirectory(source("alice", "example.org", 143)), "alice@example.org");
  EXPECT_EQ(accountDirectory(source("alice", "localhost", 1993)), "alice@localhost:1993");
  EXPECT_EQ(accountDirectory(source("a@b.org", "h")), "a@b.org@h");
  EXPECT_EQ(accountDirectory(source("../../etc", "h")), "%2E.%2F..%2Fetc@h");
  EXPECT_EQ(accountDirectory(source("a b%\n", "::1")), "a%20b%25%0A@::1");
}

TEST(Paths, LongAccountsAreCutAndStayApart) {
  const std::string one = accountDirectory(source(std::string(300, 'a') + "1", "h"));
  const std::string two = accountDirectory(source(std::string(300, 'a') + "2", "h"));
  EXPECT_LE(one.size(), 255U);
  EXPECT_NE(one, two);
}

TEST(Paths, FollowTheXdgVariables) {
  const Variable home("HOME", "/home/alice");
  {
    const Variable cache("XDG_CACHE_HOME"), state("XDG_STATE_HOME"), config("XDG_CONFIG_HOME");
    const auto where = directories(source("a", "h"), Options::defaults());
    EXPECT_EQ(where.cache, "/home/alice/.cache/emlfs/a@h");
    EXPECT_EQ(where.state, "/home/alice/.local/state/emlfs/a@h");
    EXPECT_EQ(configFile(), "/home/alice/.config/emlfs/config.toml");
  }
  {
    const Variable cache("XDG_CACHE_HOME", "/c"), state("XDG_STATE_HOME", "/s"),
        config("XDG_CONFIG_HOME", "relative/is/ignored");
    const auto where = directories(source("a", "h"), Options::defaults());
    EXPECT_EQ(where.cache, "/c/emlfs/a@h");
    EXPECT_EQ(where.state, "/s/emlfs/a@h");
    EXPECT_EQ(configFile(), "/home/alice/.config/emlfs/config.toml");
  }
}

TEST(Paths, OptionsOverride) {
  Options options = Options::defaults();
  options.cache_dir = "/x/cache";
  options.state_dir = "/x/state";
  const auto where = directories(source("a", "h"), options);
  EXPECT_EQ(where.cache, "/x/cache");
  EXPECT_EQ(where.state, "/x/state");
  options.state_dir = "/x/cache";
  EXPECT_THROW(directories(source("a", "h"), options), Error);
}

TEST(Paths, BecomeAbsolute) {
  const Variable home("HOME", "/home/alice");
  EXPECT_EQ(absolutePath("~/x"), "/home/alice/x");
  EXPECT_EQ(absolutePath("~"), "/home/alice");
  EXPECT_EQ(absolutePath("~bob", "/base"), "/base/~bob");
  EXPECT_EQ(absolutePath("x/../y", "/base"), "/base/y");
  EXPECT_EQ(absolutePath("/a//b/"), "/a/b");
  EXPECT_EQ(absolutePath("/"), "/");
}

TEST(Paths, AHomeThatIsNoneIsLookedUp) {
  const Variable home("HOME");
  EXPECT_TRUE(homeDirectory().starts_with('/'));
}

}  // namespace
}  // namespace emlfs::app
