// The disk of the cache is full: what can't be noted is said to be so.
#include <gmock/gmock.h>
#include <sys/mount.h>

#include <filesystem>
#include <fstream>

#include "mount/daemon.h"
#include "support/person.h"
#include "support/process.h"

namespace emlfs::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class CacheFull : public Daemon {
 protected:
  void SetUp() override {
    Daemon::SetUp();
    if (IsSkipped()) return;
    fs::create_directory(disk_);
    if (::mount("emlfs-test", disk_.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "size=4m") != 0)
      GTEST_SKIP() << "mounting a tmpfs takes root";
  }
  void TearDown() override { ::umount2(disk_.c_str(), MNT_DETACH); }

  const Sandbox box_;
  const std::string disk_ = box_ / "disk";
};

TEST_F(CacheFull, ADirectoryThatIsNotListedYetSaysNoSpaceIsLeft) {
  constexpr int kMessages = 120;
  for (int i = 0; i < kMessages; ++i)
    server().deliver("Full", fmt::format("Subject: {}\r\n\r\nbody\r\n", i));
  auto arguments = mountArguments(box_);
  arguments.insert(arguments.end(), {"-o", "cache_dir=" + disk_});
  const auto mounted = box_.emlfs(arguments, server().password());
  ASSERT_EQ(mounted.status, 0) << mounted.errors;
  // A few pages are left: the write is cut short, for which LMDB has no word of its own.
  constexpr size_t kLeft = size_t{5} * 4096;
  std::ofstream(disk_ + "/ballast") << std::string(fs::space(disk_).available - kLeft, 'b');
  const std::string full = box_.mountPoint() + "/Full";
  const auto refused = run({"ls", full});
  EXPECT_NE(refused.status, 0);
  EXPECT_THAT(refused.errors, HasSubstr("No space left on device"));
  fs::remove(disk_ + "/ballast");
  EXPECT_EQ(Person(box_.mountPoint()).names("Full").size(), size_t{kMessages});
  EXPECT_EQ(box_.emlfs({"umount", box_.mountPoint()}).status, 0);
}

}  // namespace
}  // namespace emlfs::test
