// emlfs set: what can be changed while it is mounted, by whom, and what is said of the rest.
#include <gmock/gmock.h>
#include <grp.h>
#include <pwd.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>

#include "emlfs/base/error.h"
#include "mount/commands.h"
#include "support/child.h"

namespace emlfs::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr const char* kLevel = "user.emlfs.log_level";

// The attribute, or the errno.
std::string read(const std::string& path, const std::string& name) {
  std::array<char, 64> value{};
  const ssize_t size = ::getxattr(path.c_str(), name.c_str(), value.data(), value.size());
  if (size < 0) return std::to_string(errno);
  return {value.data(), static_cast<size_t>(size)};
}

class Set : public MountTest {
 protected:
  const Dovecot server_;
};

class SetAnywhere : public Set, public testing::WithParamInterface<const char*> {};

TEST_P(SetAnywhere, TheLogLevelAtRunTime) {
  const Mount mount(server_, {GetParam()});
  const auto& path = mount.path();
  EXPECT_EQ(read(path, kLevel), "debug");
  EXPECT_EQ(emlfs({"set", path, "log_level=error"}).status, kOk);
  EXPECT_EQ(read(path, kLevel), "error");
  EXPECT_EQ(mount.status()["log_level"], "error");
  EXPECT_THAT(emlfs({"status", path}).output, HasSubstr("log level    error\n"));
  // What is logged follows.
  const size_t before = mount.log().size();
  EXPECT_FALSE(fs::exists(mount / "INBOX/nobody.eml"));
  EXPECT_EQ(mount.log().size(), before);
  EXPECT_EQ(read(path, std::string(kLevel) + "=loud"), std::to_string(EINVAL));
  EXPECT_EQ(read(path, std::string(kLevel) + "s"), std::to_string(EOPNOTSUPP));
  EXPECT_EQ(read(mount / "INBOX", kLevel), std::to_string(EOPNOTSUPP));
  EXPECT_EQ(read(path, kLevel), "error");
  std::array<char, 512> names{};
  const ssize_t size = ::listxattr(path.c_str(), names.data(), names.size());
  EXPECT_EQ(std::string(names.data(), static_cast<size_t>(std::max<ssize_t>(size, 0))).find(kLevel),
            std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(, SetAnywhere, testing::Values("read_only=no", "read_only"),
                         [](const auto& which) {
                           return which.index == 0 ? "Writable" : "ReadOnly";
                         });

TEST_F(Set, SaysWhatItCanNot) {
  const Mount mount(server_);
  const auto said = [&](const std::string& assignment) {
    const auto result = emlfs({"set", mount.path(), assignment});
    EXPECT_EQ(result.status, kUsage) << assignment;
    return result.errors;
  };
  EXPECT_THAT(said("log_levle=debug"), HasSubstr("did you mean 'log_level'?"));
  EXPECT_THAT(said("poll=5s"), HasSubstr("umount and mount again"));
  EXPECT_THAT(said("log_level=loud"), HasSubstr("error, warning, info or debug"));
  EXPECT_THAT(said("log_level"), HasSubstr("needs a value"));
  EXPECT_NE(emlfs({"set", mount.directory(), "log_level=debug"}).status, kOk);
}

TEST_F(Set, IsForTheOwner) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  const Mount mount(server_, {"allow_other,umask=022"});
  fs::permissions(fs::path(mount.path()).parent_path(), fs::perms::others_exec,
                  fs::perm_options::add);
  const passwd* const nobody = ::getpwnam("nobody");
  ASSERT_NE(nobody, nullptr);
  Child child([&](int report) {
    if (::setgroups(0, nullptr) != 0 || ::setgid(nobody->pw_gid) != 0 ||
        ::setuid(nobody->pw_uid) != 0)
      throw systemError("setuid", errno);
    const std::string answers = read(mount.path(), kLevel) + " " +
                                read(mount.path(), std::string(kLevel) + "=error") + "\n";
    if (::write(report, answers.data(), answers.size()) < 0) throw systemError("write", errno);
  });
  const std::string expected = "debug " + std::to_string(EPERM) + "\n";
  EXPECT_EQ(child.read(expected.size()), expected);
  EXPECT_EQ(read(mount.path(), kLevel), "debug");
}

}  // namespace
}  // namespace emlfs::test
