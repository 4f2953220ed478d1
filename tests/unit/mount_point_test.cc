#include "app/mount_point.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

#include "app/commands.h"
#include "app/live_status.h"
#include "app/mount_table.h"
#include "emlfs/base/error.h"
#include "emlfs/base/file.h"
#include "support/scratch_dir.h"

namespace emlfs::app {
namespace {

TEST(MountTable, IsParsedWithItsEscapes) {
  const std::vector<MountEntry> expected = {
      {"/", "ext4", "/dev/root"},
      {"/mnt/a b\\c\td\ne", "fuse.emlfs", "imaps://a,b@h", 1000},
      {"/x", "tmpfs", "none"},
  };
  EXPECT_EQ(parseMountInfo("22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw\n"
                           "36 22 0:40 / /mnt/a\\040b\\134c\\011d\\012e rw shared:2 master:1 - "
                           "fuse.emlfs imaps://a,b@h rw,user_id=1000,group_id=0\n"
                           "37 22 0:41 / /x rw - tmpfs none rw\n"
                           "\n"
                           "garbage\n"
                           "1 2 3 4 5 6 - short\n"),
            expected);
}

TEST(MountTable, FindsTheTopmostMount) {
  const auto proc = findMount("/proc");
  ASSERT_TRUE(proc);
  EXPECT_EQ(proc->fs_type, "proc");
  const test::ScratchDir directory;
  EXPECT_FALSE(findMount(directory.path()));
}

TEST(MountTable, FindsTheMountThatHoldsAPath) {
  const std::vector<MountEntry> mounts = {{"/", "ext4", "a"},
                                          {"/mnt/mail", "fuse.emlfs", "b"},
                                          {"/mnt", "tmpfs", "c"},
                                          {"/mnt/mail", "fuse.emlfs", "d"}};
  const auto source = [&](std::string_view path) { return mountHolding(mounts, path)->source; };
  EXPECT_EQ(source("/"), "a");
  EXPECT_EQ(source("/mntx"), "a");
  EXPECT_EQ(source("/mnt/mailbox"), "c");
  EXPECT_EQ(source("/mnt/mail"), "d");
  EXPECT_EQ(source("/mnt/mail/INBOX/x.eml"), "d");
  EXPECT_EQ(mountHolding({}, "/x"), std::nullopt);
}

TEST(MountTable, FindsTheMountOfAnAccount) {
  const std::vector<MountEntry> mounts = {{"/a", "fuse.emlfs", "work", 1000},
                                          {"/b", "fuse.sshfs", "work", 1000},
                                          {"/c", "fuse.emlfs", "work", 1001},
                                          {"/d", "fuse.emlfs", "home", 1000}};
  EXPECT_EQ(mountFrom(mounts, "work", 1000), mounts[0]);
  EXPECT_EQ(mountFrom(mounts, "work", 1001), mounts[2]);
  EXPECT_EQ(mountFrom(mounts, "work", 0), std::nullopt);
}

TEST(MountTable, CanonicalPaths) {
  const test::ScratchDir directory;
  ::mkdir((directory / "real").c_str(), 0700);
  ::symlink("real", (directory / "link").c_str());
  const auto real = canonicalPath(directory / "real");
  ASSERT_TRUE(real);
  EXPECT_EQ(canonicalPath(directory / "link/"), real);
  EXPECT_EQ(canonicalPath(directory / "real/../link"), real);
  EXPECT_EQ(canonicalPath(directory / "missing"), std::nullopt);
}

std::string refusal(const std::string& path, Code code) {
  std::vector<std::string> notices;
  try {
    return "accepted " + prepareMountPoint(path, notices);
  } catch (const Error& error) {
    EXPECT_EQ(error.code, code);
    return error.what();
  }
}

TEST(MountPoint, IsCheckedBeforeMounting) {
  const test::ScratchDir directory;
  const std::string missing = directory / "missing";
  EXPECT_EQ(refusal(missing, Code::invalid),
            "mount point " + missing + " does not exist: 'mkdir " + missing + "' first");
  const std::string file = directory / "file";
  std::ofstream(file) << "x";
  EXPECT_EQ(refusal(file, Code::invalid), "mount point " + file + " is not a directory");
  EXPECT_EQ(refusal(directory.path(), Code::busy),
            "mount point " + directory.path() + " is not empty: what is in it would be hidden");
  EXPECT_EQ(refusal("/proc", Code::busy), "/proc already has a proc file system mounted on it");

  const std::string good = directory / "good";
  ::mkdir(good.c_str(), 0700);
  std::vector<std::string> notices;
  EXPECT_EQ(prepareMountPoint(good + "/", notices), canonicalPath(good));
  EXPECT_TRUE(notices.empty());
}

TEST(MountPoint, FuseConf) {
  EXPECT_TRUE(allowsOther("user_allow_other\n"));
  EXPECT_TRUE(allowsOther("# x\nmount_max = 3\n  user_allow_other  # yes\n"));
  EXPECT_FALSE(allowsOther("#user_allow_other\n"));
  EXPECT_FALSE(allowsOther(""));
}

// A FUSE mount whose daemon is this test: it never answers, and is dead once `device` is closed.
class FakeMount {
 public:
  explicit FakeMount(const std::string& path) : path_(path) {
    device_ = Fd(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
    if (!device_) return;
    const std::string options =
        "fd=" + std::to_string(device_.get()) + ",rootmode=40000,user_id=0,group_id=0";
    mounted_ = ::mount("imaps://alice@h", path.c_str(), "fuse.emlfs", MS_NOSUID | MS_NODEV,
                       options.c_str()) == 0;
  }
  FakeMount(const FakeMount&) = delete;
  FakeMount& operator=(const FakeMount&) = delete;
  ~FakeMount() {
    device_.reset();
    if (findMount(path_)) ::umount2(path_.c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }
  void die() { device_.reset(); }

 private:
  std::string path_;
  Fd device_;
  bool mounted_ = false;
};

class DeadOrSilent : public testing::Test {
 protected:
  void SetUp() override {
    ::mkdir(path_.c_str(), 0700);
    path_ = *canonicalPath(path_);
    if (::geteuid() != 0) GTEST_SKIP() << "only root can mount without a daemon";
    mount_.emplace(path_);
    if (!mount_->mounted()) GTEST_SKIP() << "can't mount FUSE file systems here";
  }

  test::ScratchDir directory_;
  std::string path_ = directory_ / "mnt";
  std::optional<FakeMount> mount_;
};

TEST_F(DeadOrSilent, ADeadMountIsTakenAwayWithANotice) {
  mount_->die();
  EXPECT_EQ(askMount(path_, Milliseconds(10'000)).answer, Answer::dead);
  EXPECT_EQ(canonicalPath(path_), path_);
  std::vector<std::string> notices;
  EXPECT_EQ(prepareMountPoint(path_, notices), path_);
  EXPECT_EQ(notices,
            std::vector<std::string>{path_ + ": took away the mount of an emlfs that had died"});
  EXPECT_FALSE(findMount(path_));
}

TEST_F(DeadOrSilent, UmountTakesADeadMountAway) {
  mount_->die();
  EXPECT_EQ(umountCommand(path_, false), 0);
  EXPECT_FALSE(findMount(path_));
}

TEST_F(DeadOrSilent, StatusOfADeadMountSaysWhatToDo) {
  mount_->die();
  try {
    statusCommand(path_, false);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.what(), "the emlfs behind " + path_ + " has died: 'emlfs umount " + path_ +
                                "' takes the mount away, then mount again");
  }
}

TEST_F(DeadOrSilent, ASilentDaemonIsNotWaitedForForever) {
  EXPECT_EQ(askMount(path_, Milliseconds(200)).answer, Answer::silent);
  EXPECT_EQ(requireEmlfsMount(path_), path_);
}

TEST(EmlfsMount, OtherPathsAreRefused) {
  const test::ScratchDir directory;
  const auto line = [](const std::string& path) {
    try {
      return "accepted " + requireEmlfsMount(path);
    } catch (const Error& error) {
      EXPECT_EQ(error.code, Code::invalid);
      return std::string(error.what());
    }
  };
  EXPECT_EQ(line(directory.path()), directory.path() + " is not a mount point of emlfs");
  EXPECT_EQ(line("/proc"), "/proc is not a mount point of emlfs: proc is mounted there");
  EXPECT_EQ(line(directory / "missing"), (directory / "missing") + " does not exist");
}

}  // namespace
}  // namespace emlfs::app
