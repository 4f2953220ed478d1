// What a person's machine does at login: the unit's own command line mounts all accounts of the
// config file, as an ordinary user; one is on a Cyrus, one is signed in to with a token.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "support/config_file.h"
#include "support/dovecot.h"
#include "support/mount.h"
#include "support/paths.h"
#include "support/process.h"
#include "support/sandbox.h"
#include "support/service_manager.h"
#include "support/token_server.h"

namespace emlfs::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// Root gives the script to the user "nobody", in a mount namespace where he may use FUSE; $0 is it.
constexpr const char* kAsNobody = R"(
  mount --make-rprivate /
  mount -t tmpfs none "$HOME/dev"
  mknod -m 666 "$HOME/dev/fuse" c 10 229
  mount --bind "$HOME/dev/fuse" /dev/fuse
  chown -R nobody: "$HOME/config" "$HOME/mail" "$HOME"/*.pem
  chown nobody: "$HOME"
  exec setpriv --reuid=nobody --regid=nogroup --clear-groups bash -eu -c "$0")";

// COMMAND is the unit's.
constexpr const char* kSession = R"(
  cd
  $COMMAND 2> log & pid=$!
  mounted() { [ -e mail/cyrus/INBOX ] && [ -e mail/token/INBOX ]; }
  deadline=$((SECONDS + 60))
  until mounted || [ $SECONDS -gt $deadline ]; do read -rt 0.1 <> <(:) || :; done
  usr/bin/emlfs status
  cat mail/cyrus/INBOX/*.eml mail/token/INBOX/*.eml
  mkdir mail/cyrus/Kept mail/token/Kept
  mv mail/token/INBOX/*.eml mail/token/Kept/
  usr/bin/emlfs flush mail
  kill -TERM $pid
  wait $pid
  echo "it has ended with $?"
  ! grep fuse.emlfs /proc/mounts | grep " $HOME/"
)";

class AtHome : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    if (IsSkipped()) return;
    try {
      cyrus_ = std::make_unique<ImapServer>(ImapServer::Kind::cyrus);
    } catch (const ImapServer::CannotRun& why) {
      GTEST_SKIP() << why.what();
    }
    if (::geteuid() == 0 && run({"unshare", "-m", "true"}).status != 0)
      GTEST_SKIP() << "root can't make a mount namespace here";
    runOrThrow({"cmake", "--install", kBuildDirectory, "--prefix", box_ / "usr"});
    fs::create_directory(box_ / "dev");
  }

  // With a certificate that the user may read.
  std::string trusted(const ImapServer& server, const std::string& name) const {
    fs::copy_file(server.caFile(), box_ / name + ".pem");
    return fmt::format("[account.{0}]\nsource = \"imaps://{1}@{2}:{3}\"\nca_file = \"~/{0}.pem\"\n",
                       name, server.user(), server.host(), server.imapsPort());
  }
  ProcessResult live(const std::string& session, const std::string& command) const {
    std::vector<std::string> words{"env", "HOME=" + box_.path(),
                                   "XDG_CONFIG_HOME=" + box_ / "config",
                                   "NOTIFY_SOCKET=" + notifications_.path(), "COMMAND=" + command};
    const bool root = ::geteuid() == 0;
    if (root) words.insert(words.end(), {"unshare", "-m"});
    words.insert(words.end(), {"bash", "-eu", "-c", root ? kAsNobody : session});
    if (root) words.push_back(session);
    return run(words);
  }

  TokenServer tokens_;
  const Dovecot dovecot_{{"--oauth2", tokens_.url()}};
  std::unique_ptr<ImapServer> cyrus_;
  const Sandbox box_;
  const Notifications notifications_{box_ / "notify"};
};

TEST_F(AtHome, TheServiceMountsAllAccounts) {
  dovecot_.deliver("INBOX", "Subject: with a token\r\n\r\nThe body on Dovecot\r\n");
  cyrus_->deliver("INBOX", "Subject: with a password\r\n\r\nThe body on Cyrus\r\n");
  tokens_.accept("ya29.good", dovecot_.user());
  writeConfig(box_, trusted(dovecot_, "token") +
                        "auth = \"oauth2\"\ntoken_command = \"echo ya29.good\"\n" +
                        trusted(*cyrus_, "cyrus") +
                        fmt::format("password_command = \"echo '{}'\"\n", cyrus_->password()));
  const std::string unit = readFile(box_ / "usr/lib/systemd/user/emlfs@.service");
  std::string command = setting(unit, "ExecStart");
  command.replace(command.find("%i"), 2, "all");

  const auto result = live(kSession, command);
  EXPECT_EQ(result.status, 0) << result.output << result.errors << readFile(box_ / "log");
  EXPECT_THAT(result.output, HasSubstr("/mail/cyrus: online"));
  EXPECT_THAT(result.output, HasSubstr("/mail/token: online"));
  EXPECT_THAT(result.output, HasSubstr("The body on Dovecot"));
  EXPECT_THAT(result.output, HasSubstr("The body on Cyrus"));
  EXPECT_THAT(result.output, HasSubstr("it has ended with 0"));
  EXPECT_THAT(notifications_.next(),
              testing::AllOf(HasSubstr("READY=1"), HasSubstr("2 of 2 accounts are mounted")));
  EXPECT_THAT(notifications_.next(), HasSubstr("STOPPING=1"));
  EXPECT_THAT(dovecot_.doveadm({"search", "mailbox", "Kept", "all"}), testing::Not(""));
}

}  // namespace
}  // namespace emlfs::test
