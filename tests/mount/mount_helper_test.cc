// mount.emlfs as mount(8) calls it; with mount(8) itself it is tried in tests/package.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "app/mount_table.h"
#include "mount/daemon.h"
#include "support/eventually.h"
#include "support/paths.h"
#include "support/process.h"

namespace emlfs::test {
namespace {

namespace fs = std::filesystem;

class MountHelper : public Daemon {
 protected:
  void SetUp() override {
    Daemon::SetUp();
    if (IsSkipped()) return;
    fs::create_symlink(kProgram, box_ / "mount.emlfs");
    fs::create_directories(box_ / "config/emlfs");
    std::ofstream(box_ / "config/emlfs/config.toml") << fmt::format(
        "[account.work]\nsource = \"{}\"\nca_file = \"{}\"\n", imaps(server()), server().caFile());
  }
  ProcessResult helper(const std::vector<std::string>& arguments) const {
    auto command = box_.command(arguments);
    command.at(command.size() - arguments.size() - 1) = box_ / "mount.emlfs";
    return run(command, server().password() + "\n");
  }
  const Sandbox box_;
};

TEST_F(MountHelper, MountsAnAccountUnderTheNameThatFstabHas) {
  const auto mounted =
      helper({"work", box_.mountPoint(), "-o", "ro,noexec,nosuid,nodev,_netdev,user=root"});
  ASSERT_EQ(mounted.status, 0) << mounted.errors;
  const auto entry = app::findMount(box_.mountPoint());
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->source, "work");
  EXPECT_EQ(entry->fs_type, app::kFsType);
  EXPECT_TRUE(fs::is_directory(box_.mountPoint() + "/INBOX"));
  EXPECT_EQ(run({"mkdir", box_.mountPoint() + "/New"}).status, 1) << "ro";
  EXPECT_THAT(
      box_.emlfs({"complete", "mounts"}).output,
      testing::AllOf(testing::HasSubstr(box_.mountPoint() + "\n"), testing::HasSubstr("\nwork\n")));

  const auto again = helper({"work", box_.mountPoint()});
  EXPECT_EQ(again.status, 32) << again.errors;
  EXPECT_EQ(run({"umount", box_.mountPoint()}).status, 0);
  EXPECT_TRUE(eventually([&] { return mountsBelow(box_.path()).empty(); }));
}

TEST_F(MountHelper, LeavesTheDirectoryAloneWithF) {
  EXPECT_EQ(helper({"-f", "work", box_.mountPoint()}).status, 0);
  EXPECT_FALSE(app::findMount(box_.mountPoint()));
}

}  // namespace
}  // namespace emlfs::test
