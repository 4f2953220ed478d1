// The program itself, on bad input that needs no server: one clear line and an exit code.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "app/settings.h"
#include "emlfs/base/error.h"
#include "environment.h"
#include "support/paths.h"
#include "support/process.h"
#include "support/scratch_dir.h"

namespace emlfs::app {
namespace {

class CommandLine : public testing::Test {
 protected:
  // With {} in place of the scratch directory.
  std::string filled(std::string text) const {
    for (size_t at; (at = text.find("{}")) != std::string::npos;)
      text.replace(at, 2, directory_.path());
    return text;
  }

  void writeConfig(const std::string& text) const {
    std::filesystem::create_directories(directory_ / "emlfs");
    std::ofstream(directory_ / "emlfs/config.toml") << text;
  }

  test::ScratchDir directory_;
  test::Variable home_{"HOME", directory_.path()};
  test::Variable config_{"XDG_CONFIG_HOME", directory_.path()};
  test::Variable password_{"EMLFS_PASSWORD"};
};

TEST_F(CommandLine, BadInputGetsOneLineAndAnExitCode) {
  writeConfig("[account.work]\nsource = 'imaps://a@127.0.0.1:1'\npassword_file = 'missing'\n");
  std::filesystem::create_directory(directory_ / "mnt");
  const struct {
    std::vector<std::string> arguments;
    int status;
    std::string errors;
  } cases[] = {
      {{}, 2, "emlfs: A subcommand is required (see 'emlfs --help')\n"},
      {{"frobnicate"},
       2,
       "emlfs: unknown command 'frobnicate'; there are: mount, umount, status, set, check, fetch, "
       "flush, "
       "journal, undelete, expunge, cache (see 'emlfs --help')\n"},
      {{"mnt"}, 2, "emlfs: unknown command 'mnt': did you mean 'mount'? (see 'emlfs --help')\n"},
      {{"status", "--jsno", "{}/mnt"},
       2,
       "emlfs: unknown option '--jsno': did you mean '--json'? (see 'emlfs --help')\n"},
      {{"journal", "{}/mnt", "list", "--jsn=1"},
       2,
       "emlfs: unknown option '--jsn': did you mean '--json'? (see 'emlfs --help')\n"},
      {{"cache", "prune", "a@h", "--zzzzzz"},
       2,
       "emlfs: unknown option '--zzzzzz'; there are: --help, --size (see 'emlfs --help')\n"},
      {{"--verison"},
       2,
       "emlfs: unknown option '--verison': did you mean '--version'? (see 'emlfs --help')\n"},
      {{"mount"}, 2, "emlfs: SOURCE is required (see 'emlfs --help')\n"},
      {{"mount", "imaps://a@h"},
       2,
       "emlfs: MOUNTPOINT is missing: only accounts of the config file have one of their own\n"},
      {{"check", "imaps://a@h", "x\x1b"},
       2,
       "emlfs: The following argument was not expected: x? (see 'emlfs --help')\n"},
      {{"mount", "a@h", "{}/mnt"},
       2,
       "emlfs: malformed source: a source is imaps://user@host[:port], imap://... or an account's "
       "name\n"},
      {{"mount", "wrok", "{}/mnt"},
       2,
       "emlfs: no account 'wrok' in {}/emlfs/config.toml: did you mean 'work'?\n"},
      {{"mount", "zzzzzz", "{}/mnt"},
       2,
       "emlfs: no account 'zzzzzz' in {}/emlfs/config.toml; there are: work\n"},
      // -o takes one value, so that SOURCE may follow; it may be repeated.
      {{"mount", "-o", "ro", "-o", "tiemout=3s", "work", "{}/mnt"},
       2,
       "emlfs: unknown option 'tiemout': did you mean 'timeout'?\n"},
      {{"mount", "work", "{}/missing"},
       2,
       "emlfs: mount point {}/missing does not exist: 'mkdir {}/missing' first\n"},
      {{"mount", "work", "{}/emlfs"},
       6,
       "emlfs: mount point {}/emlfs is not empty: what is in it would be hidden\n"},
      {{"mount", "work", "{}/mnt"}, 2, "emlfs: password_file {}/emlfs/missing does not exist\n"},
      {{"umount", "{}/mnt"}, 2, "emlfs: {}/mnt is not a mount point of emlfs\n"},
      {{"status", "--json", "{}/missing"}, 2, "emlfs: {}/missing does not exist\n"},
      {{"fetch"}, 2, "emlfs: PATH is required (see 'emlfs --help')\n"},
      {{"fetch", "{}/missing"}, 2, "emlfs: {}/missing does not exist\n"},
      {{"fetch", "{}/mnt"}, 2, "emlfs: {}/mnt is not in a mount of emlfs\n"},
      {{"fetch", "--interval=soon", "{}/mnt"},
       2,
       "emlfs: --interval: 'soon' is not a duration, such as 10s\n"},
      {{"fetch", "--interval=0", "{}/mnt"},
       2,
       "emlfs: --interval: '0' is too short: 100ms is the least\n"},
      {{"fetch", "--interval=99ms", "{}/mnt"},
       2,
       "emlfs: --interval: '99ms' is too short: 100ms is the least\n"},
      {{"flush", "{}/mnt"}, 2, "emlfs: {}/mnt is not a mount point of emlfs\n"},
      {{"journal", "{}/mnt"}, 2, "emlfs: {}/mnt is not a mount point of emlfs\n"},
      {{"journal", "{}/mnt", "retri", "3"},
       2,
       "emlfs: unknown action 'retri': did you mean 'retry'?\n"},
      {{"undelete", "{}/mnt"}, 2, "emlfs: {}/mnt is not in a mount of emlfs\n"},
      {{"expunge", "--yes", "{}/missing/x"}, 2, "emlfs: {}/missing/x does not exist\n"},
      {{"expunge"}, 2, "emlfs: PATH is required (see 'emlfs --help')\n"},
      {{"cache"}, 2, "emlfs: A subcommand is required (see 'emlfs --help')\n"},
      {{"cache", "infos", "work"},
       2,
       "emlfs: unknown command 'infos': did you mean 'info'? (see 'emlfs --help')\n"},
      {{"cache", "info", "wrok"},
       2,
       "emlfs: no account 'wrok' in {}/emlfs/config.toml: did you mean 'work'?\n"},
      {{"cache", "prune", "work", "--size", "much"},
       2,
       "emlfs: --size: 'much' is not a size, such as 500MiB\n"},
  };
  for (const auto& one : cases) {
    std::vector<std::string> command = {test::kProgram};
    for (const std::string& argument : one.arguments) command.push_back(filled(argument));
    const auto result = test::run(command);
    EXPECT_EQ(result.errors, filled(one.errors));
    EXPECT_EQ(result.status, one.status) << one.errors;
    EXPECT_EQ(result.output, "") << one.errors;
  }
}

TEST_F(CommandLine, HelpNamesWhatThereIs) {
  const auto help = test::run({test::kProgram, "--help"});
  EXPECT_EQ(help.status, 0);
  EXPECT_NE(help.output.find("  5  the server refused user, password or token"), std::string::npos);
  const auto mount = test::run({test::kProgram, "mount", "--help"});
  EXPECT_EQ(mount.status, 0);
  EXPECT_NE(mount.output.find("password_command=TEXT"), std::string::npos);
  EXPECT_EQ(test::run({test::kProgram, "--version"}).output, "emlfs " EMLFS_VERSION "\n");
}

TEST_F(CommandLine, OptionsWinOverTheAccountAndTheAccountOverTheTop) {
  writeConfig(
      "timeout = '1s'\npoll = '2s'\nconnections = 3\n"
      "[account.work]\nsource = 'imap://a@h'\npoll = '20s'\nconnections = 5\n");
  const Settings work = resolveSettings("work", {"connections=7,rw", "plaintext"});
  EXPECT_EQ(work.options.timeout, Milliseconds(1000));
  EXPECT_EQ(work.options.poll, Milliseconds(20'000));
  EXPECT_EQ(work.options.connections, 7U);
  EXPECT_EQ(endpointOf(work).security, imap::Security::plain);
  EXPECT_EQ(work.notices,
            (std::vector<std::string>{
                "plaintext: password and mail cross the network for anyone on the way to read"}));

  const Settings url = resolveSettings("imap://b@[::1]:1143", {});
  EXPECT_EQ(url.options.poll, Milliseconds(2000));
  const imap::Endpoint endpoint = endpointOf(url);
  EXPECT_EQ(endpoint.security, imap::Security::starttls);
  EXPECT_EQ(endpoint.host, "::1");
  EXPECT_EQ(endpoint.port, 1143);
  EXPECT_EQ(endpoint.user, "b");
  EXPECT_EQ(endpoint.timeout, Milliseconds(1000));
  EXPECT_TRUE(url.notices.empty());

  // plaintext never takes TLS away from imaps://.
  EXPECT_EQ(endpointOf(resolveSettings("imaps://b@h", {"plaintext"})).security,
            imap::Security::tls);
}

TEST_F(CommandLine, PlaintextOfAnAccountCanBeTakenBack) {
  writeConfig("plaintext = true\n");
  EXPECT_EQ(endpointOf(resolveSettings("imap://b@h", {"plaintext=no"})).security,
            imap::Security::starttls);
}

}  // namespace
}  // namespace emlfs::app
