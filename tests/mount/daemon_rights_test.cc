// Whom a mount lets in: other users, root's and ordinary ones' mounts, and what is kept secret.
#include <gmock/gmock.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "mount/daemon.h"
#include "support/child.h"
#include "support/eventually.h"
#include "support/process.h"
#include "support/tree.h"

namespace emlfs::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

TEST_F(Daemon, KeepsItsDirectoriesPrivate) {
  const mode_t before = ::umask(0);
  const Sandbox box;
  const auto started = box.emlfs(mountArguments(box), server().password());
  ::umask(before);
  ASSERT_EQ(started.status, 0) << started.errors;
  size_t found = 0;
  for (const char* top : {"/cache/emlfs", "/state/emlfs"}) {
    for (const auto& account : fs::directory_iterator(box.path() + top)) {
      ++found;
      EXPECT_EQ(account.status().permissions(), fs::perms::owner_all) << account;
      for (const auto& file : fs::recursive_directory_iterator(account))
        EXPECT_EQ(file.status().permissions() & (fs::perms::group_all | fs::perms::others_all),
                  fs::perms::none)
            << file;
    }
  }
  EXPECT_EQ(found, 2U);
  EXPECT_EQ(box.emlfs({"umount", box.mountPoint()}).status, 0);
}

TEST_F(Daemon, MountsHarmless) {
  const Mount mount(server());
  const std::string line = mountLine(mount.path());
  EXPECT_THAT(line, HasSubstr(" rw,nosuid,nodev,noexec"));
  EXPECT_THAT(line, HasSubstr(" - fuse.emlfs imaps://" + server().user() + "@"));
}

struct User {
  uid_t uid = 0;
  gid_t gid = 0;
};

User nobody() {
  const passwd* const entry = ::getpwnam("nobody");
  if (entry == nullptr) throw std::runtime_error("there is no user 'nobody'");
  return {entry->pw_uid, entry->pw_gid};
}

// In a child only.
void become(const User& user) {
  if (::setgroups(0, nullptr) != 0 || ::setgid(user.gid) != 0 || ::setuid(user.uid) != 0)
    throw systemError("setuid", errno);
}

// What another user sees of `path`: its mode, or -errno.
int modeFor(const User& user, const std::string& path) {
  Child child([&](int report) {
    become(user);
    struct stat st{};
    const int mode = ::stat(path.c_str(), &st) == 0 ? static_cast<int>(st.st_mode) : -errno;
    if (::write(report, &mode, sizeof mode) != sizeof mode) throw systemError("write", errno);
  });
  const std::string bytes = child.read(sizeof(int));
  int mode = 0;
  if (bytes.size() != sizeof mode) throw std::runtime_error("no answer from the child");
  bytes.copy(reinterpret_cast<char*>(&mode), sizeof mode);
  return mode;
}

TEST_F(Daemon, ShowsOthersWhatTheOptionsAllow) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  const Dovecot own;
  own.deliver("INBOX", makeMessage("others", 1000, 1));
  const User other = nobody();
  const auto open = [](const Mount& mount) {
    fs::permissions(fs::path(mount.path()).parent_path(), fs::perms::others_exec,
                    fs::perm_options::add);
  };
  {
    const Mount mount(own, {"umask=022"});
    open(mount);
    EXPECT_EQ(modeFor(other, mount / "INBOX"), -EACCES);
  }
  {
    const Mount mount(own, {"allow_other"});
    open(mount);
    EXPECT_EQ(modeFor(other, mount / "INBOX"), -EACCES) << "umask=077 lets nobody in";
  }
  {
    const Mount mount(own, {"allow_other,umask=022"});
    open(mount);
    EXPECT_THAT(mountLine(mount.path()), HasSubstr("allow_other"));
    EXPECT_EQ(modeFor(other, mount / "INBOX"), static_cast<int>(S_IFDIR | 0755));
    EXPECT_EQ(modeFor(other, mount / ("INBOX/" + namesIn(mount / "INBOX").at(0))),
              static_cast<int>(S_IFREG | 0644));
  }
  const Mount mount(own, {fmt::format("allow_other,uid={},gid={}", other.uid, other.gid)});
  open(mount);
  EXPECT_EQ(modeFor(other, mount / ("INBOX/" + namesIn(mount / "INBOX").at(0))),
            static_cast<int>(S_IFREG | 0600));
}

// As somebody who isn't root: mounts, reads and unmounts, by fusermount3.
void mountAsUser(const Sandbox& box, const std::vector<std::string>& arguments,
                 const std::string& password) {
  const auto mounted = box.emlfs(arguments, password);
  if (mounted.status != 0) throw std::runtime_error("mount: " + mounted.errors);
  if (!fs::is_directory(box.mountPoint() + "/INBOX")) throw std::runtime_error("no INBOX");
  const std::string line = mountLine(box.mountPoint());
  if (line.find(" rw,nosuid,nodev,noexec") == line.npos) throw std::runtime_error(line);
  const auto ended = box.emlfs({"umount", box.mountPoint()});
  if (ended.status != 0) throw std::runtime_error("umount: " + ended.errors);
  if (!mountLine(box.mountPoint()).empty()) throw std::runtime_error("still mounted");
}

TEST_F(Daemon, WorksForAnOrdinaryUser) {
  if (::geteuid() != 0) {
    const Sandbox box;
    EXPECT_NO_THROW(mountAsUser(box, mountArguments(box), server().password()));
    return;
  }
  struct stat device{};
  ASSERT_EQ(::stat("/dev/fuse", &device), 0);
  if ((device.st_mode & 06) != 06)
    GTEST_SKIP() << "/dev/fuse is closed to ordinary users here: only root was tested";
  const User user = nobody();
  const Sandbox box;
  runOrThrow({"chown", "-R", fmt::format("{}:{}", user.uid, user.gid), box.path()});
  const std::string ca_file = box / "ca.pem";
  fs::copy_file(server().caFile(), ca_file);
  fs::permissions(ca_file, fs::perms::others_read, fs::perm_options::add);
  auto arguments = mountArguments(box);
  arguments.back() = "ca_file=" + ca_file;
  Child child([&](int report) {
    std::string said = "fine";
    try {
      become(user);
      mountAsUser(box, arguments, server().password());
    } catch (const std::exception& failure) {
      said = failure.what();
    }
    if (::write(report, said.data(), said.size()) < 0) throw systemError("write", errno);
  });
  EXPECT_EQ(child.read(std::string::npos), "fine");
}

TEST_F(Daemon, KeepsThePasswordToItself) {
  const Dovecot own({"--password", "pa55-W0rd-of-this-test"});
  own.deliver("INBOX", makeMessage("secret", 1000, 1));
  const auto proxy = Proxy::start({own.host(), own.imapPort()});
  const Mount mount(own, *proxy);  // with log_level=debug
  EXPECT_EQ(namesIn(mount / "INBOX").size(), 1U);
  // Logs in again.
  proxy->cutNow();
  EXPECT_TRUE(eventually([&] {
    try {
      return !readFile(mount / ("INBOX/" + namesIn(mount / "INBOX").at(0))).empty();
    } catch (const Error&) {
      return false;
    }
  }));
  const pid_t pid = daemonOf(mount);
  const std::string base64 = "cGE1NS1XMHJkLW9mLXRoaXMtdGVzd";  // as AUTHENTICATE PLAIN has it
  for (const std::string& place :
       {mount.log(), readFile(fmt::format("/proc/{}/cmdline", pid)),
        readFile(fmt::format("/proc/{}/environ", pid)), mount.status().dump()}) {
    EXPECT_GT(place.size(), 20U);
    EXPECT_EQ(place.find(own.password()), place.npos);
    EXPECT_EQ(place.find(base64), place.npos);
  }
  EXPECT_THAT(mount.log(), HasSubstr("AUTHENTICATE"));
}

}  // namespace
}  // namespace emlfs::test
