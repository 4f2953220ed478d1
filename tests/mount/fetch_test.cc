// `emlfs fetch`: what it brings into the cache, what it says, and how it ends when it can't.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>

#include "emlfs/base/error.h"
#include "emlfs/base/file.h"
#include "support/eventually.h"
#include "support/mount.h"
#include "support/paths.h"
#include "support/process.h"
#include "support/sample_mail.h"
#include "support/tree.h"

namespace emlfs::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

uint64_t cachedBytes(const std::string& path) {
  std::array<char, 32> value{};
  const ssize_t size = ::getxattr(path.c_str(), "user.emlfs.cached", value.data(), value.size());
  if (size < 0) throw systemError(path, errno);
  return std::stoull(std::string(value.data(), static_cast<size_t>(size)));
}

struct Totals {
  uint64_t messages = 0;
  uint64_t bytes = 0;
  uint64_t cached = 0;
};

Totals totalsBelow(const std::string& path) {
  Totals totals;
  for (const auto& found : fs::recursive_directory_iterator(path)) {
    if (!found.is_regular_file()) continue;
    ++totals.messages;
    totals.bytes += found.file_size();
    totals.cached += cachedBytes(found.path());
  }
  return totals;
}

ProcessResult fetch(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {kProgram, "fetch"});
  return run(arguments);
}

class Fetch : public MountTest {};

TEST_F(Fetch, BringsEverythingOnce) {
  const Dovecot server(kKeepBytes, sampleMail({"--messages", "300", "--largest", "2"}));
  const auto proxy = Proxy::start({server.host(), server.imapPort()});
  Mount mount(server, *proxy, {"poll=10min"});

  const auto first = fetch({mount.path()});
  EXPECT_EQ(first.status, 0) << first.errors;
  EXPECT_EQ(first.errors, "");
  const Totals totals = totalsBelow(mount.path());
  ASSERT_GT(totals.messages, 100U);
  EXPECT_EQ(totals.cached, totals.bytes);
  EXPECT_THAT(first.output, HasSubstr(fmt::format("fetched {} messages, ", totals.messages)));
  EXPECT_THAT(first.output, HasSubstr("; 0 were there already\n"));
  EXPECT_EQ(std::count(first.output.begin(), first.output.end(), '\n'), 1);
  EXPECT_GE(mount.bodyBytes(), totals.bytes);

  const uint64_t before = mount.bodyBytes();
  const auto second = fetch({mount.path()});
  EXPECT_EQ(second.status, 0) << second.errors;
  EXPECT_THAT(second.output, StartsWith("fetched 0 messages, 0 B in "));
  EXPECT_THAT(second.output, HasSubstr(fmt::format("; {} were there already\n", totals.messages)));
  EXPECT_EQ(mount.bodyBytes(), before);

  // They are what the server holds, and no body moves for it any more.
  EXPECT_EQ(mailOf(readTree(mount.path())), mailOf(server));
  EXPECT_EQ(mount.bodyBytes(), before);
}

TEST_F(Fetch, BringsOnlyWhatItIsTold) {
  const Dovecot server(kKeepBytes);
  for (int i = 0; i < 3; ++i) {
    server.deliver("INBOX", makeMessage(fmt::format("inbox {}", i), 20'000, 1));
    server.deliver("Other", makeMessage(fmt::format("other {}", i), 20'000, 2));
    server.deliver("Third", makeMessage(fmt::format("third {}", i), 20'000, 3));
  }
  const Mount mount(server, {"poll=10min"});
  const std::string one = mount / ("Third/" + namesIn(mount / "Third").at(1));
  // What lies within another PATH counts once.
  const std::string inside = mount / ("Other/" + namesIn(mount / "Other").at(0));
  const auto result = fetch({mount / "Other", one, inside, "--jobs", "2"});
  EXPECT_EQ(result.status, 0) << result.errors;
  EXPECT_THAT(result.output, StartsWith("fetched 4 messages, "));
  EXPECT_EQ(totalsBelow(mount / "INBOX").cached, 0U);
  EXPECT_EQ(totalsBelow(mount / "Other").cached, totalsBelow(mount / "Other").bytes);
  EXPECT_EQ(totalsBelow(mount / "Third").cached, fs::file_size(one));
  EXPECT_EQ(cachedBytes(one), fs::file_size(one));

  const auto quiet = fetch({"--quiet", mount / "INBOX"});
  EXPECT_EQ(quiet.status, 0);
  EXPECT_EQ(quiet.output + quiet.errors, "");
  EXPECT_EQ(totalsBelow(mount / "INBOX").cached, totalsBelow(mount / "INBOX").bytes);

  // In no list, so that `rsync -X` doesn't copy it.
  EXPECT_THAT(runOrThrow({"getfattr", "-d", "-m", "-", one}),
              testing::Not(HasSubstr("emlfs.cached")));
}

TEST_F(Fetch, RefusesWhatTheCacheCanNotHold) {
  const Dovecot server(kKeepBytes), other(kKeepBytes);
  for (int i = 0; i < 3; ++i)
    server.deliver("INBOX", makeMessage(fmt::format("large {}", i), size_t{6} << 20, 4));
  server.deliver("Fits", makeMessage("fits", 20'000, 5));
  other.deliver("INBOX", makeMessage("elsewhere", size_t{1} << 20, 6));
  const Mount mount(server, {"poll=10min", "cache_size=16MiB"});
  const Mount roomy(other, {"poll=10min", "cache_size=1GiB"});
  // Room elsewhere doesn't help.
  const auto result = fetch({mount.path(), roomy.path()});
  EXPECT_EQ(result.status, 9);
  EXPECT_EQ(result.errors,
            fmt::format("emlfs: 18.0 MiB of messages don't fit into the cache of {}, which holds "
                        "16.0 MiB: mount with a larger cache_size, or fetch less\n",
                        mount.path()));
  EXPECT_EQ(result.output, "");
  EXPECT_EQ(totalsBelow(mount.path()).cached, 0U);
  EXPECT_EQ(totalsBelow(roomy.path()).cached, 0U);

  // What is cached already counts too.
  const auto names = namesIn(mount / "INBOX");
  const auto path = [&](size_t i) { return mount / ("INBOX/" + names.at(i)); };
  EXPECT_EQ(fetch({path(0), path(1), mount / "Fits"}).status, 0);
  EXPECT_EQ(fetch({mount / "INBOX"}).status, 9);
  EXPECT_EQ(fetch({path(0), path(1)}).status, 0);
}

TEST_F(Fetch, OutsideOfAMountIsAnError) {
  const Dovecot server;
  const Mount mount(server);
  const ScratchDir elsewhere;
  const auto result = fetch({mount / "INBOX", elsewhere.path()});
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(result.errors, fmt::format("emlfs: {} is not in a mount of emlfs\n", elsewhere.path()));
}

TEST_F(Fetch, SaysHowFarItIsWithoutATerminal) {
  const Dovecot server(kKeepBytes);
  server.deliver("INBOX", makeMessage("large", size_t{4} << 20, 7));
  const auto proxy = Proxy::start({server.host(), server.imapPort()});
  const Mount mount(server, *proxy, {"poll=10min"});
  ASSERT_EQ(namesIn(mount / "INBOX").size(), 1U);
  proxy->setRate(2 << 20);
  const auto result = fetch({"--interval=100ms", mount / "INBOX"});
  EXPECT_EQ(result.status, 0) << result.errors;
  EXPECT_THAT(result.output, testing::ContainsRegex("\n0/1 messages  [0-9.]+ MiB/4.0 MiB  .*/s"));
  EXPECT_THAT(result.output, HasSubstr(" left\n"));
  EXPECT_THAT(result.output, HasSubstr("\nfetched 1 message, 4.0 MiB in "));
  EXPECT_THAT(result.output, testing::Not(HasSubstr("\x1b")));
}

TEST_F(Fetch, DrawsALineOnATerminal) {
  const Dovecot server(kKeepBytes);
  server.deliver("INBOX", makeMessage("large", size_t{2} << 20, 7));
  const auto proxy = Proxy::start({server.host(), server.imapPort()});
  const Mount mount(server, *proxy, {"poll=10min"});
  ASSERT_EQ(namesIn(mount / "INBOX").size(), 1U);
  proxy->setRate(1 << 20);
  // script(1) gives it a terminal, of 80 columns.
  const auto result =
      run({"env", "TERM=xterm", "script", "-qec",
           fmt::format("stty cols 80; {} fetch '{}'", kProgram, mount / "INBOX"), "/dev/null"});
  EXPECT_EQ(result.status, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("\r["));
  EXPECT_THAT(result.output, HasSubstr("] 0/1 messages"));
  EXPECT_THAT(result.output, HasSubstr("\r\x1b[Kfetched 1 message"));
}

TEST_F(Fetch, EndsWhenTheServerIsGone) {
  const Dovecot server(kKeepBytes);
  for (int i = 0; i < 20; ++i)
    server.deliver("INBOX", makeMessage(fmt::format("gone {}", i), 30'000, 8));
  const auto proxy = Proxy::start({server.host(), server.imapPort()});
  const Mount mount(server, *proxy, {"poll=10min", "timeout=2s"});
  ASSERT_EQ(namesIn(mount / "INBOX").size(), 20U);
  proxy->refuse();
  proxy->cutNow();
  const auto result = fetch({mount / "INBOX"});
  EXPECT_EQ(result.status, 3);
  EXPECT_THAT(result.errors, HasSubstr("emlfs: the server can't be reached: "));
  EXPECT_THAT(result.errors, HasSubstr("are fetched; the same command goes on from there\n"));

  proxy->resume();
  EXPECT_TRUE(eventually([&] { return fetch({"--quiet", mount / "INBOX"}).status == 0; }));
  EXPECT_EQ(totalsBelow(mount / "INBOX").cached, totalsBelow(mount / "INBOX").bytes);
}

// A fetch that runs until the test ends it.
class FetchProcess {
 public:
  explicit FetchProcess(const std::string& path) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw systemError("pipe", errno);
    read_end_ = Fd(ends[0]);
    const Fd write_end(ends[1]);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(write_end.get(), STDOUT_FILENO);
      ::dup2(write_end.get(), STDERR_FILENO);
      ::execl(kProgram, kProgram, "fetch", "--interval=100ms", path.c_str(), nullptr);
      ::_exit(127);
    }
  }
  FetchProcess(const FetchProcess&) = delete;
  FetchProcess& operator=(const FetchProcess&) = delete;
  ~FetchProcess() {
    if (pid_ > 0) end(SIGKILL);
  }

  // What it says until then.
  std::string readUntil(const std::string& part) {
    std::array<char, 512> buffer{};
    for (ssize_t got; said_.find(part) == said_.npos &&
                      (got = ::read(read_end_.get(), buffer.data(), buffer.size())) > 0;)
      said_.append(buffer.data(), static_cast<size_t>(got));
    return said_;
  }

  int end(int signal) {
    ::kill(pid_, signal);
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return status;
  }

 private:
  pid_t pid_ = -1;
  Fd read_end_;
  std::string said_;
};

TEST_F(Fetch, EndsAtOnceOnASignalAndGoesOnAfterIt) {
  const Dovecot server(kKeepBytes);
  for (int i = 0; i < 20; ++i)
    server.deliver("INBOX", makeMessage(fmt::format("interrupted {}", i), 500'000, 9));
  const auto proxy = Proxy::start({server.host(), server.imapPort()});
  const Mount mount(server, *proxy, {"poll=10min"});
  ASSERT_EQ(namesIn(mount / "INBOX").size(), 20U);
  proxy->setRate(1 << 20);
  for (const int signal : {SIGINT, SIGTERM}) {
    FetchProcess running(mount / "INBOX");
    EXPECT_THAT(running.readUntil(" MiB/"), HasSubstr(" messages  "));
    proxy->stall();  // nobody gets an answer that could end the wait
    const auto before = Clock::now();
    const int status = running.end(signal);
    EXPECT_LT(Clock::now() - before, Milliseconds(5000));  // far below the timeout of 30 s
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == signal) << status;
    EXPECT_THAT(running.readUntil("goes on from there\n"), HasSubstr("emlfs: interrupted: "));
    proxy->resume();
    // What has come is kept: that much is not asked for again.
    EXPECT_TRUE(eventually([&] { return totalsBelow(mount / "INBOX").cached > 0; }));
  }
  proxy->setRate(0);
  const auto result = fetch({mount / "INBOX"});
  EXPECT_EQ(result.status, 0) << result.errors;
  const Totals totals = totalsBelow(mount / "INBOX");
  EXPECT_EQ(totals.cached, totals.bytes);
}

}  // namespace
}  // namespace emlfs::test
