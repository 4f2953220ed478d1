// emlfs as a daemon: going to the background, unmounting, signals, locks, rights, and what it
// tells.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <thread>

#include "emlfs/base/error.h"
#include "emlfs/base/file.h"
#include "support/child.h"
#include "support/eventually.h"
#include "support/mount.h"
#include "support/paths.h"
#include "support/process.h"
#include "support/sandbox.h"
#include "support/tree.h"

namespace emlfs::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr Milliseconds kSoon{10'000};  // well below the timeout of 30 s

pid_t daemonOf(const Mount& mount) {
  return mount.status()["pid"];
}

Fd processOf(pid_t pid) {
  Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process) throw systemError("pidfd_open", errno);
  return process;
}

bool endsWithin(const Fd& process, Milliseconds limit) {
  pollfd waiting{process.get(), POLLIN, 0};
  return ::poll(&waiting, 1, static_cast<int>(limit.count())) == 1;
}

std::string mountLine(const std::string& path) {
  std::istringstream lines(readFile("/proc/self/mountinfo"));
  for (std::string line; std::getline(lines, line);)
    if (line.find(" " + path + " ") != line.npos) return line;
  return {};
}

std::string imaps(const Dovecot& server) {
  return fmt::format("imaps://{}@{}:{}", server.user(), server.host(), server.imapsPort());
}

class Daemon : public MountTest {
 protected:
  static void SetUpTestSuite() { server_ = std::make_unique<Dovecot>(); }
  static void TearDownTestSuite() { server_.reset(); }
  static const Dovecot& server() { return *server_; }

  // In the sandbox, with the right options.
  static std::vector<std::string> mountArguments(const Sandbox& box) {
    return {"mount", imaps(server()), box.mountPoint(), "-o", "ca_file=" + server().caFile()};
  }

 private:
  static std::unique_ptr<Dovecot> server_;
};

std::unique_ptr<Dovecot> Daemon::server_;

TEST_F(Daemon, GoesToTheBackgroundWhenTheMountWorks) {
  const Sandbox box;
  const auto started = box.emlfs(mountArguments(box), server().password());
  EXPECT_EQ(started.status, 0) << started.errors;
  EXPECT_EQ(started.output + started.errors, "");
  EXPECT_TRUE(fs::is_directory(box.mountPoint() + "/INBOX"));

  const auto status =
      nlohmann::json::parse(box.emlfs({"status", "--json", box.mountPoint()}).output);
  const pid_t pid = status["pid"];
  EXPECT_EQ(::getsid(pid), pid) << "it would get the terminal's signals";
  EXPECT_EQ(fs::read_symlink(fmt::format("/proc/{}/cwd", pid)), "/");
  for (const int stream : {0, 1, 2})
    EXPECT_EQ(fs::read_symlink(fmt::format("/proc/{}/fd/{}", pid, stream)), "/dev/null");
  EXPECT_EQ(box.emlfs({"umount", box.mountPoint()}).status, 0);
}

TEST_F(Daemon, UnmountsOnSigterm) {
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    const Sandbox box;
    ASSERT_EQ(box.emlfs(mountArguments(box), server().password()).status, 0);
    const auto status =
        nlohmann::json::parse(box.emlfs({"status", "--json", box.mountPoint()}).output);
    const Fd process = processOf(status["pid"]);
    ASSERT_EQ(::syscall(SYS_pidfd_send_signal, process.get(), number, nullptr, 0), 0);
    EXPECT_TRUE(endsWithin(process, kSoon)) << number;
    EXPECT_THAT(mountsBelow(box.path()), testing::IsEmpty()) << number;
  }
}

TEST_F(Daemon, HasEndedWhenUmountReturns) {
  Mount mount(server());
  for (int i = 0; i < 5; ++i) mount.remount();  // which fails if the daemon still ran
}

TEST_F(Daemon, IsNotUnmountedWhileBusy) {
  const Mount mount(server());
  const Fd inside(::open(mount.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const auto result = run({kProgram, "umount", mount.path()});
  EXPECT_EQ(result.status, 6);
  EXPECT_EQ(result.errors, fmt::format("emlfs: {0} is in use: leave it and end what has files open "
                                       "there ('fuser -vm {0}' lists it), then try again\n",
                                       mount.path()));
  EXPECT_TRUE(fs::is_directory(mount / "INBOX"));
  EXPECT_GT(daemonOf(mount), 0);
}

TEST_F(Daemon, CleansUpAfterOneThatWasKilled) {
  const Sandbox box;
  ASSERT_EQ(box.emlfs(mountArguments(box), server().password()).status, 0);
  const auto kill = [&] {
    const auto status =
        nlohmann::json::parse(box.emlfs({"status", "--json", box.mountPoint()}).output);
    const Fd process = processOf(status["pid"]);
    ASSERT_EQ(::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0), 0);
    ASSERT_TRUE(endsWithin(process, kSoon));
  };
  kill();
  const auto status = box.emlfs({"status", box.mountPoint()});
  EXPECT_EQ(status.status, 1);
  EXPECT_THAT(status.errors, HasSubstr("has died"));

  const auto again = box.emlfs(mountArguments(box), server().password());
  EXPECT_EQ(again.status, 0);
  EXPECT_THAT(again.errors, HasSubstr("took away the mount of an emlfs that had died"));
  EXPECT_EQ(mountsBelow(box.path()).size(), 1U);
  EXPECT_TRUE(fs::is_directory(box.mountPoint() + "/INBOX"));

  kill();
  const auto end = box.emlfs({"umount", box.mountPoint()});
  EXPECT_EQ(end.status, 0);
  EXPECT_THAT(end.errors, HasSubstr("its daemon had died; the mount was taken away"));
  EXPECT_THAT(mountsBelow(box.path()), testing::IsEmpty());
}

TEST_F(Daemon, StaysInTheForegroundWhenTold) {
  for (const int number : {SIGINT, SIGTERM}) {
    const Sandbox box;
    auto arguments = mountArguments(box);
    arguments.emplace_back("--foreground");
    ProcessResult ended;
    std::thread foreground(
        [&] { ended = run(box.command(arguments), server().password() + "\n"); });
    const bool mounted = eventually([&] { return fs::is_directory(box.mountPoint() + "/INBOX"); });
    EXPECT_TRUE(mounted);
    if (mounted) {
      const auto status =
          nlohmann::json::parse(box.emlfs({"status", "--json", box.mountPoint()}).output);
      ::kill(status["pid"], number);
    }
    foreground.join();
    EXPECT_EQ(ended.status, 0) << ended.errors;
    EXPECT_THAT(mountsBelow(box.path()), testing::IsEmpty());
  }
}

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

TEST_F(Daemon, SaysTheSameInTextAndJson) {
  const Dovecot own;
  own.deliver("INBOX", makeMessage("status", 1000, 1));
  const Mount mount(own);
  EXPECT_FALSE(readFile(mount / ("INBOX/" + namesIn(mount / "INBOX").at(0))).empty());
  // The cache takes it after the reader has it.
  EXPECT_TRUE(eventually([&] { return mount.status()["cache"]["bodies"] == 1; }));
  const std::string text = runOrThrow({kProgram, "status", mount.path()});
  const auto json = nlohmann::json::parse(runOrThrow({kProgram, "status", mount.path(), "--json"}));
  EXPECT_THAT(text, HasSubstr(json["source"].get<std::string>()));
  EXPECT_THAT(text, HasSubstr(fmt::format("{} port {}", json["server"]["host"].get<std::string>(),
                                          json["server"]["port"].get<int>())));
  EXPECT_THAT(text, HasSubstr(json["server"]["tls"].get<std::string>()));
  EXPECT_THAT(text, HasSubstr(json["cache"]["directory"].get<std::string>()));
  EXPECT_THAT(text, HasSubstr(fmt::format(
                        "{}, {} of them listed; {} messages", json["mailboxes"]["total"].get<int>(),
                        json["mailboxes"]["listed"].get<int>(), json["messages"].get<int>())));
  EXPECT_THAT(text, HasSubstr(fmt::format("{} hits, {} misses", json["cache"]["hits"].get<int>(),
                                          json["cache"]["misses"].get<int>())));
  EXPECT_THAT(text, HasSubstr(fmt::format("process      {}", json["pid"].get<int>())));
  for (const auto& name : json["server"]["capabilities"])
    EXPECT_THAT(text, HasSubstr(name.get<std::string>()));
  EXPECT_EQ(json["messages"], 1);
}

// A server that has gone silent, with somebody waiting for a body.
class Silent {
 public:
  explicit Silent(const std::string& how) : how_(how) {
    server_.deliver("INBOX", makeMessage("silent", 500'000, 9));
    proxy_ = Proxy::start({server_.host(), server_.imapPort()});
    mount_ = std::make_unique<Mount>(server_, *proxy_, std::vector<std::string>{"poll=1s"});
    const std::string path = *mount_ / ("INBOX/" + namesIn(*mount_ / "INBOX").at(0));
    proxy_->stall();
    reader_ = std::thread([this, path] {
      const auto result = run({"cat", path});
      failed_ = result.status != 0;
    });
    EXPECT_TRUE(eventually([&] {
      const auto status = mount_->status();
      const auto& all = status["connections"];
      return std::any_of(all.begin(), all.end(), [](const auto& one) {
        return one["working"].template get<bool>() && one["selected"] == "INBOX";
      });
    })) << how_;
  }
  ~Silent() {
    proxy_->resume();
    reader_.join();
    EXPECT_TRUE(failed_);
  }
  Mount& mount() { return *mount_; }

 private:
  const std::string how_;
  const Dovecot server_;
  std::unique_ptr<Proxy> proxy_;
  std::unique_ptr<Mount> mount_;
  std::thread reader_;
  std::atomic<bool> failed_{false};
};

TEST_F(Daemon, EndsOnSigtermWhileTheServerIsSilent) {
  Silent silent("SIGTERM");
  const Fd process = processOf(daemonOf(silent.mount()));
  ASSERT_EQ(::syscall(SYS_pidfd_send_signal, process.get(), SIGTERM, nullptr, 0), 0);
  EXPECT_TRUE(endsWithin(process, kSoon));
  EXPECT_EQ(mountLine(silent.mount().path()), "");
  silent.mount().kill();  // it has ended; this only tells the object so
}

TEST_F(Daemon, CanBeUnmountedWhileTheServerIsSilent) {
  const Dovecot own;
  const auto proxy = Proxy::start({own.host(), own.imapPort()});
  Mount mount(own, *proxy, {"poll=1s"});
  proxy->stall();
  // Its refresh is waiting for an answer by then.
  ASSERT_TRUE(eventually([&] {
    const auto status = mount.status();
    const auto& all = status["connections"];
    return std::any_of(all.begin(), all.end(),
                       [](const auto& one) { return one["working"].template get<bool>(); });
  }));
  const auto before = Clock::now();
  mount.unmount();
  EXPECT_LT(Clock::now() - before, kSoon);
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
