// The systemd unit, without systemd: what it would run, started as it would start it, and told
// what it would be told.
#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "mount/daemon.h"
#include "support/paths.h"
#include "support/process.h"
#include "support/running.h"
#include "support/service_manager.h"

namespace emlfs::test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

class Service : public Daemon {
 protected:
  void SetUp() override {
    Daemon::SetUp();
    if (IsSkipped()) return;
    runOrThrow({"cmake", "--install", kBuildDirectory, "--prefix", box_ / "usr"});
    unit_ = readFile(box_ / "usr/lib/systemd/user/emlfs@.service");
    fs::create_directories(box_ / "config/emlfs");
    std::ofstream(box_ / "password") << server().password() << '\n';
    fs::permissions(box_ / "password", fs::perms::owner_read | fs::perms::owner_write);
    std::ofstream(box_ / "config/emlfs/config.toml") << fmt::format(
        "[account.work]\nsource = \"{}\"\nca_file = \"{}\"\npassword_file = \"{}\"\n",
        imaps(server()), server().caFile(), box_ / "password");
  }

  // The unit's command for the account "work", on the sandbox's mount point.
  std::vector<std::string> command(const Notifications& notifications) const {
    std::vector<std::string> all{"env",
                                 "NOTIFY_SOCKET=" + notifications.path(),
                                 "HOME=" + box_.path(),
                                 "XDG_CONFIG_HOME=" + box_ / "config",
                                 "XDG_CACHE_HOME=" + box_ / "cache",
                                 "XDG_STATE_HOME=" + box_ / "state"};
    std::istringstream words(setting(unit_, "ExecStart"));
    for (std::string word; words >> word;) all.push_back(word == "%i" ? "work" : word);
    all.push_back(box_.mountPoint());
    return all;
  }

  const Sandbox box_;
  std::string unit_;
};

TEST_F(Service, IsReadyWhenTheMountWorksAndEndsOnSigterm) {
  const Notifications notifications(box_ / "notify");
  ASSERT_EQ(setting(unit_, "Type"), "notify");
  Running service(command(notifications));
  EXPECT_THAT(
      notifications.next(),
      AllOf(HasSubstr("READY=1"), HasSubstr("STATUS=work is mounted on " + box_.mountPoint())));
  EXPECT_TRUE(fs::is_directory(box_.mountPoint() + "/INBOX"));
  service.signal(SIGTERM);
  EXPECT_THAT(notifications.next(), HasSubstr("STOPPING=1"));
  EXPECT_EQ(service.wait(kSoon), 0);
  EXPECT_THAT(mountsBelow(box_.path()), testing::IsEmpty());
}

// Who may only read has nothing to send, and says so as well.
TEST_F(Service, TellsOfItsEndWithoutChanges) {
  const Notifications notifications(box_ / "notify");
  auto words = command(notifications);
  words.insert(words.end(), {"-o", "ro"});
  Running service(words);
  EXPECT_THAT(notifications.next(), HasSubstr("READY=1"));
  service.signal(SIGTERM);
  EXPECT_THAT(notifications.next(), HasSubstr("STOPPING=1"));
  EXPECT_EQ(service.wait(kSoon), 0);
}

// Those would not get better by being tried again.
TEST_F(Service, IsNotStartedAgainForBadInputAndWrongPasswords) {
  EXPECT_EQ(setting(unit_, "RestartPreventExitStatus"), "2 5");
  const Notifications notifications(box_ / "notify");
  auto unknown = command(notifications);
  for (auto& word : unknown)
    if (word == "work") word = "wrok";
  EXPECT_EQ(Running(unknown).wait(kSoon), 2);
  std::ofstream(box_ / "password") << "wrong\n";
  EXPECT_EQ(Running(command(notifications)).wait(kSoon), 5);
}

TEST_F(Service, HasAUnitThatSystemdUnderstands) {
  const auto result = run({"env", "XDG_RUNTIME_DIR=" + box_.path(), "systemd-analyze", "--user",
                           "--man=no", "verify", box_ / "usr/lib/systemd/user/emlfs@work.service"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.output + result.errors, "");
}

}  // namespace
}  // namespace emlfs::test
