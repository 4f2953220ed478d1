#include "app/options.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "app/nearest.h"
#include "app/units.h"
#include "emlfs/base/error.h"

namespace emlfs::app {
namespace {

Options applied(std::string_view text) {
  Options options = Options::defaults();
  applyOptions(options, text);
  return options;
}

std::string refusal(std::string_view text) {
  try {
    applied(text);
  } catch (const Error& error) {
    EXPECT_EQ(error.code, Code::invalid);
    return error.what();
  }
  return "accepted";
}

TEST(Options, DefaultsComeFromTheTable) {
  const Options options = Options::defaults();
  EXPECT_EQ(options.timeout, Milliseconds(30'000));
  EXPECT_EQ(options.poll, Milliseconds(30'000));
  EXPECT_EQ(options.connections, 5U);
  EXPECT_EQ(options.cache_size, uint64_t{2} << 30);
  EXPECT_EQ(options.umask, 077U);
  EXPECT_EQ(options.log_level, log::Level::warning);
  EXPECT_FALSE(options.read_only);
  EXPECT_FALSE(options.plaintext);
  EXPECT_FALSE(options.allow_other);
  EXPECT_FALSE(options.uid);
  EXPECT_FALSE(options.gid);
}

TEST(Options, EveryKindIsRead) {
  const Options options = applied(
      "timeout=2min,connections=1,poll=90,cache_size=16MiB,allow_other,uid=1000,gid=root,umask="
      "0027,"
      "log_level=debug,log_file=/tmp/../log,without=qresync:Condstore+MOVE,plaintext=yes,"
      "cache_dir=/c/,password_command=pass show mail");
  EXPECT_EQ(options.timeout, Milliseconds(120'000));
  EXPECT_EQ(options.connections, 1U);
  EXPECT_EQ(options.poll, Milliseconds(90'000));
  EXPECT_EQ(options.cache_size, uint64_t{16} << 20);
  EXPECT_TRUE(options.allow_other);
  EXPECT_EQ(options.uid, 1000U);
  EXPECT_EQ(options.gid, 0U);
  EXPECT_EQ(options.umask, 027U);
  EXPECT_EQ(options.log_level, log::Level::debug);
  EXPECT_EQ(options.log_file, "/log");
  EXPECT_EQ(options.without, (std::set<std::string>{"QRESYNC", "CONDSTORE", "MOVE"}));
  EXPECT_TRUE(options.plaintext);
  EXPECT_EQ(options.cache_dir, "/c");
  EXPECT_EQ(options.password_command, "pass show mail");
}

TEST(Options, FlagsCanBeTurnedOffAndTheLastOneCounts) {
  for (const char* off : {"no", "false", "0", "off"})
    EXPECT_FALSE(applied(std::string("allow_other,allow_other=") + off).allow_other) << off;
  for (const char* on : {"yes", "true", "1", "on"})
    EXPECT_TRUE(applied(std::string("allow_other=no,allow_other=") + on).allow_other) << on;
}

TEST(Options, RelativePathsBeginInTheWorkingDirectory) {
  const std::string here = std::filesystem::current_path();
  EXPECT_EQ(applied("ca_file=certs/ca.pem").ca_file, here + "/certs/ca.pem");
}

TEST(Options, WordsOfMountAreIgnored) {
  const Options options = applied(
      "ro,nosuid,nodev,noexec,auto,noauto,user,_netdev,defaults,nofail,x-systemd.automount,suid,"
      "dev,"
      "exec,atime,diratime,strictatime,lazytime,norelatime,group,user=alice,comment=mail,_rnetdev,"
      "X-mount.mkdir");
  EXPECT_TRUE(options.read_only);
}

TEST(Options, AsyncIsNotSync) {
  EXPECT_FALSE(applied("sync,async").sync);
  EXPECT_TRUE(applied("async,sync").sync);
}

TEST(Options, RemountIsRefused) {
  EXPECT_NE(refusal("remount,ro").find("unmount it, and mount it again"), std::string::npos);
}

TEST(Options, ReadOnlyByEitherWord) {
  for (const char* text : {"ro", "read_only", "rw,ro"}) EXPECT_TRUE(applied(text).read_only);
  for (const char* text : {"rw", "read_only=no", "ro,rw"}) EXPECT_FALSE(applied(text).read_only);
}

TEST(Options, WhatRmDoes) {
  EXPECT_EQ(applied("").deletion, Deletion::flag);
  EXPECT_EQ(applied("delete=trash").deletion, Deletion::trash);
  EXPECT_EQ(applied("delete=expunge").deletion, Deletion::expunge);
}

TEST(Options, RefusesTheRestWithOneClearLine) {
  const struct {
    const char* text;
    const char* line;
  } cases[] = {
      {"cachedir=/x", "unknown option 'cachedir': did you mean 'cache_dir'?"},
      {"pasword_file=/x", "unknown option 'pasword_file': did you mean 'password_file'?"},
      {"alow_other", "unknown option 'alow_other': did you mean 'allow_other'?"},
      {"tiemout=3s", "unknown option 'tiemout': did you mean 'timeout'?"},
      {"password=hunter2",
       "there is no option 'password', for other users can see command lines: use "
       "password_command or password_file"},
      {"timeout", "option timeout needs a value: timeout=TIME"},
      {"timeout=soon", "option timeout: 'soon' is not a duration above 0, such as 30s"},
      {"timeout=0", "option timeout: '0' is not a duration above 0, such as 30s"},
      {"timeout=-3s", "option timeout: '-3s' is not a duration above 0, such as 30s"},
      {"poll=10ms", "option poll: '10ms' is not a duration of at least 1s, such as 30s or 5min"},
      {"cache_size=15MiB",
       "option cache_size: '15MiB' is not a size of at least 16MiB, such as 2GiB"},
      {"cache_size=big", "option cache_size: 'big' is not a size of at least 16MiB, such as 2GiB"},
      {"cache_size", "option cache_size needs a value: cache_size=SIZE"},
      {"connections=0", "option connections: '0' is not a number from 1 to 64"},
      {"connections=many", "option connections: 'many' is not a number from 1 to 64"},
      {"allow_other=maybe", "option allow_other: 'maybe' is not yes or no"},
      {"umask=99", "option umask: '99' is not an octal mode, such as 077"},
      {"umask=7777", "option umask: '7777' is not an octal mode, such as 077"},
      {"uid=no-such-user-x", "option uid: 'no-such-user-x' is not a user's name or number"},
      {"uid=4294967295", "option uid: '4294967295' is not a user's name or number"},
      {"gid=no-such-group-x", "option gid: 'no-such-group-x' is not a group's name or number"},
      {"log_level=loud", "option log_level: 'loud' is not error, warning, info or debug"},
      {"tls_fingerprint=ab:cd",
       "option tls_fingerprint: 'ab:cd' is not a SHA-256 fingerprint: 64 hexadecimal digits, ':' "
       "between them or not"},
      {"without=A B",
       "option without: 'A B' is not names of IMAP capabilities with ':' between them"},
      {"=x", "option without a name before '=x'"},
      {"password_command=\"a", "option password_command: no quote ends the value"},
      {"password_command=\"a\" b", "option password_command: the quotes must hold the whole value"},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.text);
    EXPECT_EQ(refusal(one.text), one.line);
  }
}

TEST(Options, NamePatternsAreChecked) {
  EXPECT_EQ(applied("name_format={uid}").name_format, "{uid}");
  EXPECT_TRUE(refusal("name_format={nonsense}")
                  .starts_with("option name_format: '{nonsense}' is not a name pattern ("))
      << refusal("name_format={nonsense}");
}

TEST(Options, FingerprintsMayHaveColons) {
  std::string plain(64, 'A');
  std::string colons = "AA";
  for (int i = 1; i < 32; ++i) colons += ":aA";
  EXPECT_EQ(applied("tls_fingerprint=" + plain).tls_fingerprint, plain);
  EXPECT_EQ(applied("tls_fingerprint=" + colons).tls_fingerprint, colons);
}

using List = std::vector<Assignment>;

TEST(OptionSyntax, SplitsAtCommas) {
  EXPECT_EQ(splitOptions(""), List());
  EXPECT_EQ(splitOptions("a"), (List{{"a", std::nullopt}}));
  EXPECT_EQ(splitOptions("a=,b=1,,c,"), (List{{"a", ""}, {"b", "1"}, {"c", std::nullopt}}));
  EXPECT_EQ(splitOptions("a=b=c"), (List{{"a", "b=c"}}));
}

TEST(OptionSyntax, ValuesMayHoldCommas) {
  EXPECT_EQ(splitOptions(R"(a=1\,2,b=3)"), (List{{"a", "1,2"}, {"b", "3"}}));
  EXPECT_EQ(splitOptions(R"(a=\\,b)"), (List{{"a", "\\"}, {"b", std::nullopt}}));
  EXPECT_EQ(splitOptions(R"(a=s/\n/x/)"), (List{{"a", R"(s/\n/x/)"}}));
  EXPECT_EQ(splitOptions(R"(a="1,2",b)"), (List{{"a", "1,2"}, {"b", std::nullopt}}));
  EXPECT_EQ(splitOptions(R"(a="say \"x\" \\ \n")"), (List{{"a", R"(say "x" \ \n)"}}));
  EXPECT_EQ(splitOptions(R"(a=x "y")"), (List{{"a", R"(x "y")"}}));
}

TEST(Nearest, CountsEdits) {
  EXPECT_EQ(editDistance("", "abc"), 3U);
  EXPECT_EQ(editDistance("abc", "abc"), 0U);
  EXPECT_EQ(editDistance("abcd", "abdc"), 1U);  // a swap
  EXPECT_EQ(editDistance("kitten", "sitting"), 3U);
  EXPECT_EQ(nearest("x", {}), std::nullopt);
  EXPECT_EQ(suggestion("fech", {"fetch", "mount"}), ": did you mean 'fetch'?");
  EXPECT_EQ(suggestion("zzzzzz", {"fetch", "mount"}), "; there are: fetch, mount");
  EXPECT_EQ(suggestion("", {"fetch"}), "; there are: fetch");
  EXPECT_EQ(suggestion("x", {}), "");
}

TEST(Units, Durations) {
  EXPECT_EQ(parseDuration("250ms"), Milliseconds(250));
  EXPECT_EQ(parseDuration("7"), Milliseconds(7000));
  EXPECT_EQ(parseDuration("7 s"), Milliseconds(7000));
  EXPECT_EQ(parseDuration("2m"), Milliseconds(120'000));
  EXPECT_EQ(parseDuration("1h"), Milliseconds(3'600'000));
  EXPECT_EQ(parseDuration("1d"), Milliseconds(86'400'000));
  for (const char* bad :
       {"", "s", "-1s", "1.5s", "1 week", "99999999999999999999", "9223372036854775807s"})
    EXPECT_EQ(parseDuration(bad), std::nullopt) << bad;
}

TEST(Units, Sizes) {
  EXPECT_EQ(parseSize("0"), 0U);
  EXPECT_EQ(parseSize("4096"), 4096U);
  EXPECT_EQ(parseSize("2GiB"), 2147483648U);
  EXPECT_EQ(parseSize("2G"), 2147483648U);
  EXPECT_EQ(parseSize("2GB"), 2000000000U);
  for (const char* bad : {"", "GiB", "-1", "1XB", "9999999TiB"})
    EXPECT_EQ(parseSize(bad), std::nullopt) << bad;
}

TEST(Units, AreReadable) {
  EXPECT_EQ(formatSize(0), "0 B");
  EXPECT_EQ(formatSize(1023), "1023 B");
  EXPECT_EQ(formatSize(1536), "1.5 KiB");
  EXPECT_EQ(formatSize(1024 * 1024 - 1), "1.0 MiB");
  EXPECT_EQ(formatSize(5ULL << 40), "5.0 TiB");
  EXPECT_EQ(formatDuration(59), "59 s");
  EXPECT_EQ(formatDuration(61), "1 min 1 s");
  EXPECT_EQ(formatDuration(3 * 3600 + 120), "3 h 2 min");
  EXPECT_EQ(formatDuration(49 * 3600), "2 d 1 h");
  EXPECT_EQ(formatCount(0), "0");
  EXPECT_EQ(formatCount(999), "999");
  EXPECT_EQ(formatCount(1000), "1,000");
  EXPECT_EQ(formatCount(1234567), "1,234,567");
}

}  // namespace
}  // namespace emlfs::app
