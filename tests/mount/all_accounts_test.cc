// `emlfs mount all`: accounts that are offline, refused or broken hold up none of the others.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "support/config_file.h"
#include "support/dovecot.h"
#include "support/eventually.h"
#include "support/mount.h"
#include "support/paths.h"
#include "support/running.h"
#include "support/sandbox.h"
#include "support/sockets.h"

namespace emlfs::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

size_t occurrences(const std::string& text, std::string_view what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++count;
  return count;
}

class AllAccounts : public MountTest {
 protected:
  void TearDown() override { box_.shell("emlfs umount ~/mail 2>/dev/null || true"); }

  std::string mountOf(const std::string& account) const {
    return box_.mountPoint() + "/" + account;
  }
  bool isMounted(const std::string& account) const {
    return fs::exists(mountOf(account) + "/INBOX");
  }
  nlohmann::json statusOf(const std::string& account) const {
    return nlohmann::json::parse(box_.emlfs({"status", "--json", mountOf(account)}).output);
  }
  // Two that work, one whose server is away, one with a wrong password.
  std::string fourAccounts() const {
    return accountOn(first_, "first") + accountOn(second_, "second") +
           fmt::format("[account.away]\nsource = \"imaps://x@127.0.0.1:{}\"\npassword = \"x\"\n",
                       portOf(nobody_)) +
           fmt::format(
               "[account.wrong]\nsource = \"imaps://eve@{}:{}\"\nca_file = \"{}\"\npassword = "
               "\"guess\"\n",
               first_.host(), first_.imapsPort(), first_.caFile());
  }

  const Dovecot first_{{"--set", "auth_verbose = yes"}};
  Dovecot second_;
  const Fd nobody_ = boundSocket("127.0.0.1", 0);
  const Sandbox box_;
};

TEST_F(AllAccounts, TheOthersAreMounted) {
  writeConfig(box_, fourAccounts());
  const auto result = box_.emlfs({"mount", "all"});
  EXPECT_EQ(result.status, 3) << result.errors;  // of the first in order: "away"
  EXPECT_THAT(result.errors, HasSubstr("emlfs: away: 127.0.0.1:"));
  EXPECT_THAT(result.errors, HasSubstr("emlfs: wrong: the server refused"));
  EXPECT_THAT(result.errors, testing::EndsWith("emlfs: 2 of 4 accounts are mounted\n"));
  EXPECT_EQ(std::count(result.errors.begin(), result.errors.end(), '\n'), 3) << result.errors;
  EXPECT_THAT(mountsBelow(box_.path()), UnorderedElementsAre(mountOf("first"), mountOf("second")));
  EXPECT_TRUE(isMounted("first") && isMounted("second"));

  const auto lines = box_.emlfs({"status"});
  // Those of other tests may be dead, and make its exit code theirs.
  EXPECT_THAT(lines.errors, testing::Not(HasSubstr(box_.path())));
  EXPECT_THAT(lines.output, HasSubstr(mountOf("first") + ": online, imaps://"));
  EXPECT_THAT(lines.output, HasSubstr(mountOf("second") + ": online, imaps://"));
  const auto json = box_.emlfs({"status", "--json", box_.mountPoint()});
  EXPECT_EQ(nlohmann::json::parse(json.output.substr(0, json.output.find('\n')))["mount_point"],
            mountOf("first"));

  EXPECT_EQ(box_.emlfs({"flush", box_.mountPoint()}).status, 0);
  const auto end = box_.emlfs({"umount", box_.mountPoint()});
  EXPECT_EQ(end.status, 0) << end.errors;
  EXPECT_TRUE(mountsBelow(box_.path()).empty());
}

// Other tests have mounts, too: these names are only theirs.
TEST_F(AllAccounts, AreCalledByTheirNames) {
  const std::string one = fmt::format("one-{}", ::getpid());
  const std::string other = fmt::format("other-{}", ::getpid());
  writeConfig(box_, accountOn(first_, one) + accountOn(second_, other));
  ASSERT_EQ(box_.emlfs({"mount", "all"}).status, 0);
  EXPECT_THAT(box_.emlfs({"status", one}).output, HasSubstr(mountOf(one)));
  EXPECT_EQ(box_.emlfs({"flush", one}).status, 0);
  EXPECT_EQ(box_.emlfs({"set", other, "log_level=debug"}).status, 0);
  EXPECT_EQ(box_.emlfs({"journal", other}).status, 0);
  EXPECT_EQ(box_.emlfs({"flush", "all"}).status, 0);
  // A path is what it says, whatever the accounts are called.
  EXPECT_EQ(box_.shell("cd ~ && mkdir " + one + " && cd ~/mail && emlfs umount ./" + one).status,
            0);
  EXPECT_THAT(mountsBelow(box_.path()), UnorderedElementsAre(mountOf(other)));
  const auto away = box_.emlfs({"umount", one + "x"});
  EXPECT_EQ(away.status, 2);
  EXPECT_THAT(away.errors, HasSubstr("no account of this name is mounted by you"));
  EXPECT_THAT(box_.emlfs({"status", other + "x"}).errors,
              HasSubstr("did you mean '" + other + "'?"));
  EXPECT_THAT(box_.emlfs({"status", one}).errors,
              HasSubstr("account '" + one + "' is not mounted"));
  ASSERT_EQ(box_.emlfs({"mount", "all"}).status, 0);
  // It isn't the directory that is meant, but the account.
  EXPECT_EQ(box_.shell("cd ~ && emlfs umount " + one).status, 0);
  EXPECT_THAT(mountsBelow(box_.path()), UnorderedElementsAre(mountOf(other)));
  ASSERT_EQ(box_.emlfs({"mount", one}).status, 0);
  EXPECT_EQ(box_.emlfs({"umount", "all"}).status, 0);
  EXPECT_TRUE(mountsBelow(box_.path()).empty());
}

TEST_F(AllAccounts, AllIsAllWhateverIsWrongWithSome) {
  const std::string one = fmt::format("one-{}", ::getpid());
  const std::string other = fmt::format("other-{}", ::getpid());
  const std::string impossible =
      accountOn(first_, fmt::format("bad-{}", ::getpid()),
                "mount_point = \"/etc/passwd/x\"\ncache_dir = \"~/c\"\nstate_dir = \"~/s\"") +
      accountOn(second_, "twin", "cache_dir = \"~/t\"") +
      accountOn(second_, "twins", "cache_dir = \"~/t\"");
  writeConfig(box_, accountOn(first_, one) + impossible);
  const auto mounted = box_.emlfs({"mount", "all"});
  EXPECT_EQ(mounted.status, 2);
  EXPECT_THAT(mounted.errors, HasSubstr("/etc/passwd/x"));
  EXPECT_THAT(mounted.errors, HasSubstr("emlfs: twin, twins: "));
  EXPECT_THAT(
      mounted.errors,
      HasSubstr("accounts 'twin' and 'twins' have one cache_dir, and each needs its own: "));
  EXPECT_THAT(mountsBelow(box_.path()), UnorderedElementsAre(mountOf(one)));
  // Mounted elsewhere; broken since it was mounted; from a directory within a mount, which holds
  // nothing of that name; while another directory is called so.
  fs::create_directory(box_ / "elsewhere");
  writeConfig(box_, accountOn(second_, other));
  ASSERT_EQ(box_.emlfs({"mount", other, box_ / "elsewhere"}).status, 0);
  writeConfig(box_,
              accountOn(first_, one, "bogus = \"1\"") + accountOn(second_, other) + impossible);
  EXPECT_EQ(box_.shell("cd ~/mail/" + one + "/INBOX && emlfs flush all").status, 0);
  EXPECT_THAT(box_.shell("mkdir ~/all && cd ~ && emlfs status all").output,
              testing::AllOf(HasSubstr(mountOf(one)), HasSubstr(box_ / "elsewhere")));
  const std::string config = readFile(box_ / "config/emlfs/config.toml");
  writeConfig(box_, "cache_size = 10GiB\n");
  EXPECT_THAT(box_.emlfs({"status", "all"}).output,
              testing::AllOf(HasSubstr(mountOf(one)), HasSubstr(box_ / "elsewhere")));
  writeConfig(box_, config);
  const auto end = box_.shell("cd ~ && emlfs umount all");
  EXPECT_EQ(end.status, 0) << end.errors;
  EXPECT_TRUE(mountsBelow(box_.path()).empty());
  for (const char* command : {"umount", "flush"}) {
    const auto none = box_.emlfs({command, "all"});
    EXPECT_EQ(none.status, 0) << command;
    EXPECT_EQ(none.errors, "emlfs: no account is mounted\n");
  }
  EXPECT_EQ(box_.emlfs({"status", "all"}).output, "no account is mounted\n");
  EXPECT_THAT(box_.emlfs({"journal", "all"}).errors, HasSubstr("is for one mount"));
}

// Whoever asks hears so in time, however he calls it.
TEST_F(AllAccounts, ADaemonThatIsStoppedHangsNoCommand) {
  const std::string one = fmt::format("one-{}", ::getpid());
  writeConfig(box_, accountOn(first_, one));
  ASSERT_EQ(box_.emlfs({"mount", "all"}).status, 0);
  const auto pid = statusOf(one)["pid"].get<pid_t>();
  fs::create_directory_symlink(box_.path(), box_ / "link");
  ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  const std::jthread continuing([pid](const std::stop_token& all_told) {
    const Deadline deadline = Deadline::after(std::chrono::minutes(1));
    while (!all_told.stop_requested() && !deadline.passed()) ::poll(nullptr, 0, 50);
    ::kill(pid, SIGCONT);
  });
  std::vector<std::jthread> asking;
  for (const auto& command :
       std::vector<std::vector<std::string>>{{"journal", one},
                                             {"set", one, "log_level=info"},
                                             {"flush", one},
                                             {"status", one},
                                             {"status", box_ / "link/mail/" + one + "/"}})
    asking.emplace_back([this, command] {
      const auto said = box_.emlfs(command);
      EXPECT_NE(said.status, 0) << command[0];
      EXPECT_THAT(said.errors, HasSubstr("does not answer")) << command[0];
    });
}

TEST_F(AllAccounts, AgainMountsWhatIsMissing) {
  writeConfig(box_, accountOn(first_, "first") + accountOn(second_, "second"));
  second_.stop();
  EXPECT_EQ(box_.emlfs({"mount", "all"}).status, 3);
  const auto pid = statusOf("first")["pid"];
  second_.restart();
  const auto again = box_.emlfs({"mount", "all"});
  EXPECT_EQ(again.status, 0) << again.errors;
  EXPECT_EQ(statusOf("first")["pid"], pid);
  EXPECT_TRUE(isMounted("second"));
}

TEST_F(AllAccounts, AreCheckedOneAfterTheOther) {
  writeConfig(box_, fourAccounts());
  const auto result = box_.emlfs({"check"});
  EXPECT_EQ(result.status, 3) << result.errors;
  for (const char* account : {"away", "first", "second", "wrong"})
    EXPECT_THAT(result.output, HasSubstr(fmt::format("account       {}\n", account)));
  EXPECT_EQ(occurrences(result.output, "all is well"), 2U) << result.output;
  EXPECT_THAT(result.errors, HasSubstr("refused the connection"));
  EXPECT_THAT(result.errors, HasSubstr("refused the user name or password of eve"));
}

// A person at a terminal, who answers each question when it is asked.
class Typist {
 public:
  explicit Typist(const std::vector<std::string>& command) {
    int master = -1;
    std::vector<char*> words;
    for (const auto& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    pid_ = ::forkpty(&master, nullptr, nullptr, nullptr);
    if (pid_ == 0) {
      ::execvp(words[0], words.data());
      ::_exit(127);
    }
    master_ = Fd(master);
  }
  // Types `answer` each time that `question` is shown; gives the exit status, or -1 after a minute.
  int answer(const std::string& question, const std::string& answer) {
    const Deadline deadline = Deadline::after(std::chrono::minutes(1));
    std::string fresh;
    for (;;) {
      pollfd wait{master_.get(), POLLIN, 0};
      if (::poll(&wait, 1, deadline.pollTimeout()) <= 0) break;
      char buffer[256];
      const ssize_t got = ::read(master_.get(), buffer, sizeof buffer);
      if (got <= 0) break;  // who had the terminal has ended
      fresh.append(buffer, static_cast<size_t>(got));
      shown_.append(buffer, static_cast<size_t>(got));
      if (fresh.find(question) == std::string::npos) continue;
      fresh.clear();
      if (::write(master_.get(), answer.data(), answer.size()) < 0) break;
    }
    if (deadline.passed()) ::kill(pid_, SIGKILL);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  const std::string& shown() const { return shown_; }

 private:
  pid_t pid_ = -1;
  Fd master_;
  std::string shown_;
};

TEST_F(AllAccounts, OnATerminalEachAsksInItsTurn) {
  const auto asking = [](const Dovecot& server, const std::string& name) {
    const std::string whole = accountOn(server, name);
    return whole.substr(0, whole.find("password = "));
  };
  writeConfig(box_, asking(first_, "first") + asking(second_, "second"));
  Typist person({"env", "-u", "EMLFS_PASSWORD", "HOME=" + box_.path(),
                 "XDG_CONFIG_HOME=" + box_ / "config", "XDG_CACHE_HOME=" + box_ / "cache",
                 "XDG_STATE_HOME=" + box_ / "state", kProgram, "mount", "all"});
  EXPECT_EQ(person.answer("Password for", first_.password() + "\n"), 0) << person.shown();
  EXPECT_EQ(occurrences(person.shown(), "Password for"), 2U) << person.shown();
  EXPECT_TRUE(isMounted("first") && isMounted("second"));
}

TEST_F(AllAccounts, BelowAnotherDirectory) {
  writeConfig(box_, accountOn(first_, "first", "mount_point = \"~/elsewhere\""));
  const auto result = box_.emlfs({"mount", "all", box_ / "post"});
  EXPECT_EQ(result.status, 0) << result.errors;
  EXPECT_THAT(mountsBelow(box_.path()), UnorderedElementsAre(box_ / "post/first"));
  EXPECT_EQ(box_.emlfs({"umount", box_ / "post"}).status, 0);
}

TEST_F(AllAccounts, InTheForegroundOneThatDiesIsStartedAgain) {
  writeConfig(box_, fourAccounts());
  Running all(box_.shellCommand("echo $$ > ~/pid; exec emlfs mount --foreground all 2> ~/log"));
  const auto log = [&] { return readFile(box_ / "log"); };
  ASSERT_TRUE(eventually([&] { return isMounted("first") && isMounted("second"); }));
  ASSERT_TRUE(eventually([&] {
    return log().find("2 of 4 accounts are mounted, not away, wrong") != std::string::npos;
  })) << log();
  const pid_t pid = statusOf("first")["pid"];
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  ASSERT_TRUE(eventually([&] {
    const auto lines = box_.emlfs({"status", "--json", mountOf("first")});
    return lines.status == 0 && nlohmann::json::parse(lines.output)["pid"] != pid;
  })) << log();
  EXPECT_THAT(log(),
              HasSubstr("emlfs: first: not mounted (signal 9 (Killed)): tried again in 5 s"));
  EXPECT_THAT(log(), HasSubstr("emlfs: wrong: not mounted (exit status 5): tried again in 10 min"));

  ASSERT_EQ(::kill(std::stoi(readFile(box_ / "pid")), SIGTERM), 0);
  EXPECT_EQ(all.wait(std::chrono::seconds(30)), 0) << log();
  EXPECT_TRUE(mountsBelow(box_.path()).empty());
  EXPECT_EQ(occurrences(first_.log(), "user=<eve>"), 1U)
      << "servers lock accounts that are tried often";
}

}  // namespace
}  // namespace emlfs::test
