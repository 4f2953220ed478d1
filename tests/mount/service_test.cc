// The systemd unit, without systemd: what it would run, started as it would start it, and told
// what it would be told.
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "mount/daemon.h"
#include "support/paths.h"
#include "support/process.h"
#include "support/running.h"

namespace emlfs::test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

// The service manager's end of NOTIFY_SOCKET.
class Notifications {
 public:
  explicit Notifications(std::string path)
      : path_(std::move(path)), socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
    if (::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      throw systemError("bind " + path_, errno);
  }
  const std::string& path() const { return path_; }
  // Empty if none comes.
  std::string next() const {
    pollfd waiting{socket_.get(), POLLIN, 0};
    if (::poll(&waiting, 1, 30'000) != 1) return {};
    std::array<char, 4096> text{};
    const ssize_t size = ::recv(socket_.get(), text.data(), text.size(), 0);
    return {text.data(), static_cast<size_t>(std::max<ssize_t>(size, 0))};
  }

 private:
  const std::string path_;
  const Fd socket_;
};

std::string setting(const std::string& unit, const std::string& name) {
  std::istringstream lines(unit);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(name + "=")) return line.substr(name.size() + 1);
  return {};
}

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
