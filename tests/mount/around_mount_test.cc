// Commands that are given a path in a mount, and a mount that others hold.
#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>

#include "mount/commands.h"
#include "support/running.h"

namespace emlfs::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST_F(Commands, APathInAMountStandsForTheMount) {
  deliver("INBOX", 1, 2);
  start();
  goOffline();
  person().move("m1", "INBOX", "A");
  const std::string inside = mount() / "A";
  const std::string link = mount().directory() + "/link";
  std::filesystem::create_symlink(inside, link);
  for (const std::string& path : {inside, person().find("A", "m1"), link, link + "/../B"}) {
    const auto status = emlfs({"status", path});
    EXPECT_EQ(status.status, kOk) << status.errors;
    EXPECT_THAT(status.output, HasSubstr(mount().path()));
    EXPECT_THAT(emlfs({"journal", path}).output, HasSubstr("move m1.1.eml from INBOX to A"));
  }
  EXPECT_EQ(emlfs({"flush", inside}).status, kNetwork);
  goOnline();
  EXPECT_EQ(emlfs({"flush", inside}).status, kOk);
  EXPECT_EQ(onServer("A"), Names{"m1"});

  const auto umount = emlfs({"umount", inside});
  EXPECT_EQ(umount.status, kUsage);
  EXPECT_EQ(umount.errors,
            "emlfs: " + inside + " is in the mount " + mount().path() + ": unmount that\n");
  EXPECT_TRUE(std::filesystem::exists(inside));
}

TEST_F(Commands, UnmountingSaysWhatItWaitsFor) {
  start();
  const std::string said = mount().directory() + "/said";
  Running other({"unshare", "--mount", "--propagation", "private", "tail", "-f", "/dev/null"});
  const auto isApart = [&] {
    std::error_code error;
    const auto theirs =
        std::filesystem::read_symlink(fmt::format("/proc/{}/ns/mnt", other.pid()), error);
    return !error && theirs != std::filesystem::read_symlink("/proc/self/ns/mnt");
  };
  if (!eventually(isApart, Milliseconds(5'000)))
    GTEST_SKIP() << "this user can't make a mount namespace";
  const pid_t pid = mount().status()["pid"];
  Running umount(
      {"sh", "-c", "exec \"$0\" umount \"$1\" 2>\"$2\"", kProgram, mount().path(), said});
  const auto text = [&] { return std::filesystem::exists(said) ? readFile(said) : ""; };
  EXPECT_TRUE(eventually([&] { return !text().empty(); }));
  EXPECT_THAT(text(), StartsWith("emlfs: waiting for process " + std::to_string(pid) + " to end"));
  EXPECT_THAT(text(), HasSubstr("another mount namespace may hold the mount"));
  other.signal(SIGKILL);
  EXPECT_EQ(umount.wait(Milliseconds(20'000)), 0);
  EXPECT_TRUE(mount().ends(Milliseconds(0)));
  mount_->kill();
}

}  // namespace
}  // namespace emlfs::test
