// emlfs as a daemon: going to the background, unmounting, signals, locks, and what it tells.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <filesystem>
#include <thread>

#include "mount/daemon.h"
#include "support/eventually.h"
#include "support/paths.h"
#include "support/process.h"
#include "support/tree.h"

namespace emlfs::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

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

// Each new message that is not finished yet is one.
TEST_F(Daemon, HoldsMoreFilesOpenThanItsUserUsuallyMay) {
  constexpr rlim_t kFew = 200;
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit few{kFew, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  const Mount mount(server());
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  std::vector<Fd> open;
  for (rlim_t i = 0; i < 2 * kFew; ++i) {
    const std::string path = mount / fmt::format("INBOX/{}.eml", i);
    open.emplace_back(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_TRUE(open.back()) << path;
  }
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

}  // namespace
}  // namespace emlfs::test
