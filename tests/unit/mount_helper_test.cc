// The helper of mount(8): its arguments, and its exit codes, which are mount's.
#include "app/mount_helper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "app/options.h"
#include "emlfs/base/error.h"
#include "support/paths.h"
#include "support/process.h"
#include "support/scratch_dir.h"

namespace emlfs::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Options optionsOf(const MountHelperCall& call) {
  Options options = Options::defaults();
  for (const std::string& text : call.options) applyOptions(options, text);
  return options;
}

TEST(MountHelper, IsKnownByItsName) {
  EXPECT_TRUE(isMountHelper("mount.emlfs"));
  EXPECT_TRUE(isMountHelper("/usr/sbin/mount.emlfs"));
  EXPECT_FALSE(isMountHelper("/usr/bin/emlfs"));
  EXPECT_FALSE(isMountHelper("/mount.emlfs/emlfs"));
}

TEST(MountHelper, TakesWhatMountGives) {
  const auto call = parseMountHelperCall({"imaps://a@example.org", "/mnt/mail", "-v", "-o",
                                          "rw,noexec,nosuid,nodev,user=alice,timeout=9s"});
  EXPECT_EQ(call.source, "imaps://a@example.org");
  EXPECT_EQ(call.mount_point, "/mnt/mail");
  EXPECT_EQ(optionsOf(call).timeout, Milliseconds(9000));
  EXPECT_FALSE(optionsOf(call).read_only);
  EXPECT_FALSE(call.check_only);
}

TEST(MountHelper, TakesFlagsTogetherAndValuesBehindThem) {
  const auto call =
      parseMountHelperCall({"-sfnv", "-oro", "work", "-t", "fuse.emlfs", "-N/proc/1/ns/mnt", "/m"});
  EXPECT_TRUE(call.check_only);
  EXPECT_EQ(call.mount_namespace, "/proc/1/ns/mnt");
  EXPECT_EQ(call.source, "work");
  EXPECT_EQ(call.mount_point, "/m");
  EXPECT_TRUE(optionsOf(call).read_only);
}

TEST(MountHelper, KeepsValuesAsTheyWere) {
  const std::string text = R"(password_command="pass \"a\\b\", c",ca_file=/x\,y\\z)";
  const auto call = parseMountHelperCall({"work", "/m", "-o", text});
  Options expected = Options::defaults();
  applyOptions(expected, text);
  EXPECT_EQ(expected.password_command, R"(pass "a\b", c)");
  EXPECT_EQ(optionsOf(call).password_command, expected.password_command);
  EXPECT_EQ(expected.ca_file, R"(/x,y\z)");
  EXPECT_EQ(optionsOf(call).ca_file, expected.ca_file);
}

// "work" in a directory where there is such a file.
TEST(MountHelper, KnowsAnAccountThatMountTookForAFile) {
  EXPECT_EQ(parseMountHelperCall({"/srv/work", "/m"}).source, "work");
}

TEST(MountHelper, SloppyIgnoresOnlyWhatIsUnknown) {
  const auto call = parseMountHelperCall({"work", "/m", "-s", "-o", "fancy=1,ro,x-gvfs-hide"});
  EXPECT_TRUE(optionsOf(call).read_only);
  EXPECT_THAT(call.notices, ElementsAre(HasSubstr("'fancy'")));
  EXPECT_THROW(optionsOf(parseMountHelperCall({"work", "/m", "-o", "fancy=1"})), Error);
  EXPECT_THROW(optionsOf(parseMountHelperCall({"work", "/m", "-s", "-o", "remount"})), Error);
}

TEST(MountHelper, KeepsTheUserFromTheOptions) {
  const auto call = parseMountHelperCall({"work", "/m", "-o", "ro,setuid=alice"});
  EXPECT_EQ(call.user, "alice");
  EXPECT_THAT(call.options, ElementsAre("ro"));
}

TEST(MountHelper, RefusesOtherCalls) {
  using Arguments = std::vector<std::string>;
  for (const auto& wrong : {Arguments{},
                            {"work"},
                            {"work", "/m", "more"},
                            {"work", "/m", "-x"},
                            {"work", "/m", "-o"},
                            {"work", "/m", "-o", "setuid"},
                            {"work", "/m", "-o", "setuid="}})
    EXPECT_THROW(parseMountHelperCall(wrong), Error) << wrong.size();
}

class MountHelperProgram : public testing::Test {
 protected:
  MountHelperProgram() {
    std::filesystem::create_symlink(test::kProgram, helper_);
    std::filesystem::create_directories(directory_ / "emlfs");
    std::ofstream(directory_ / "emlfs/config.toml")
        << "[account.work]\nsource = \"imaps://a@mail.invalid\"\n";
  }
  test::ProcessResult call(std::vector<std::string> arguments) const {
    std::vector<std::string> command{"env", "XDG_CONFIG_HOME=" + directory_.path(), helper_};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return test::run(command);
  }
  const test::ScratchDir directory_;
  const std::string helper_ = directory_ / "mount.emlfs";
};

TEST_F(MountHelperProgram, OnlyChecksWithF) {
  const auto fine = call({"-f", "work", "/nowhere", "-o", "user,exec,async,x-mount.mkdir"});
  EXPECT_EQ(fine.status, 0) << fine.errors;
  EXPECT_EQ(fine.output + fine.errors, "");
}

TEST_F(MountHelperProgram, GivesTheExitCodesOfMount) {
  const auto unknown = call({"-f", "wrok", "/nowhere"});
  EXPECT_EQ(unknown.status, 1);
  EXPECT_THAT(unknown.errors, HasSubstr("mount.emlfs: no account 'wrok'"));
  EXPECT_THAT(unknown.errors, HasSubstr("did you mean 'work'?"));
  EXPECT_EQ(call({"work"}).status, 1);

  const auto remount = call({"work", "/nowhere", "-o", "remount,ro"});
  EXPECT_EQ(remount.status, 1);
  EXPECT_THAT(remount.errors, HasSubstr("remount: a mount that is there can't be changed"));

  // No password, so no mount.
  const auto none = test::run({"env", "-u", "EMLFS_PASSWORD", "HOME=" + directory_.path(), "setsid",
                               "--wait", helper_, "imaps://a@mail.invalid", directory_.path()});
  EXPECT_EQ(none.status, 32) << none.errors;
}

TEST_F(MountHelperProgram, GoesOnAsAnotherUserOnlyForRoot) {
  if (::geteuid() == 0) {
    EXPECT_THAT(call({"-f", "work", "/m", "-o", "setuid=nobody-at-all"}).errors,
                HasSubstr("no user 'nobody-at-all'"));
    // Root's configuration isn't his.
    EXPECT_THAT(call({"-f", "work", "/m", "-o", "setuid=nobody"}).errors,
                HasSubstr("no account 'work'"));
  } else {
    EXPECT_THAT(call({"-f", "work", "/m", "-o", "setuid=root"}).errors, HasSubstr("only root"));
  }
}

}  // namespace
}  // namespace emlfs::app
