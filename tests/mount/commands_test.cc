// The commands about changes, on a real mount: flush, journal, undelete, expunge, umount; the
// option `sync`, and df.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>

#include "emlfs/base/file.h"
#include "support/dovecot.h"
#include "support/eventually.h"
#include "support/imap_client.h"
#include "support/mount.h"
#include "support/paths.h"
#include "support/person.h"
#include "support/process.h"
#include "support/proxy.h"

namespace emlfs::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;
using Names = std::vector<std::string>;

constexpr int kOk = 0;
constexpr int kUsage = 2;
constexpr int kNetwork = 3;
constexpr int kServer = 8;

std::string messageNumber(int number) {
  return fmt::format(
      "From: Alice <alice@example.org>\r\nSubject: m{0}\r\nMessage-ID: <{0}@example.org>\r\n"
      "Date: Fri, 20 Nov 2026 10:00:00 +0000\r\n\r\nThe body of {0}\r\n",
      number);
}

ProcessResult emlfs(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), kProgram);
  return run(arguments);
}

class Commands : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    if (IsSkipped()) return;
    proxy_ = Proxy::start({server_.host(), server_.imapPort()});
    for (const char* mailbox : {"A", "B"}) server_.createMailbox(mailbox);
  }

  void deliver(const std::string& mailbox, int first, int last) {
    for (int i = first; i <= last; ++i) server_.deliver(mailbox, messageNumber(i));
  }
  void start(std::vector<std::string> options = {}) {
    options.insert(options.end(), {"name_format={subject}.{uid}", "timeout=10s"});
    mount_ = std::make_unique<Mount>(server_, *proxy_, options);
    person_ = std::make_unique<Person>(mount_->path());
    // What was never listed is not there without the server.
    for (const char* mailbox : {"INBOX", "A", "B"}) person_->names(mailbox);
  }
  const Mount& mount() const { return *mount_; }
  const Person& person() const { return *person_; }

  // "m1" and so on, sorted.
  Names subjects(const std::string& mailbox) const {
    Names names = person_->names(mailbox);
    for (auto& name : names) name = name.substr(0, name.find('.'));
    std::sort(names.begin(), names.end());
    return names;
  }
  Names onServer(const std::string& mailbox, const std::string& criteria = "NOT DELETED") {
    ImapClient client(server_);
    client.expectOk("EXAMINE " + mailbox);
    Names names;
    for (const Uid uid : client.search(criteria)) {
      const auto answer =
          client.expectOk(fmt::format("UID FETCH {} BODY.PEEK[HEADER.FIELDS (SUBJECT)]", uid));
      for (const auto& line : answer.untagged)
        if (const auto at = line.find("Subject: "); at != line.npos)
          names.push_back(line.substr(at + 9, line.find('\r', at) - at - 9));
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  void goOffline() {
    proxy_->refuse();
    proxy_->cutNow();
    EXPECT_TRUE(eventually([&] { return mount_->status()["state"] == "offline"; }));
  }
  // Somebody who looks has the server asked at once.
  void goOnline() {
    proxy_->resume();
    EXPECT_TRUE(eventually([&] {
      return std::filesystem::exists(mount() / "INBOX") && mount_->status()["state"] == "online";
    }));
  }
  uint64_t pending() const { return mount_->status()["changes"]["pending"]; }
  uint64_t refused() const { return mount_->status()["changes"]["refused"]; }

  // Two moves from INBOX to A that the server refuses, because A is gone meanwhile.
  void haveMovesRefused() {
    deliver("INBOX", 1, 3);
    start();
    ASSERT_EQ(subjects("INBOX").size(), 3U);
    goOffline();
    person().move("m1", "INBOX", "A");
    person().move("m2", "INBOX", "A");
    server_.deleteMailbox("A");
    goOnline();
    ASSERT_TRUE(eventually([&] { return refused() == 2; })) << mount().status().dump(1);
  }
  void bringBackA() {
    server_.createMailbox("A");
    ASSERT_TRUE(eventually([&] { return std::filesystem::exists(mount() / "A"); }));
  }
  std::string numberOf(const std::string& subject) const {
    const auto journal =
        nlohmann::json::parse(runOrThrow({kProgram, "journal", mount().path(), "list", "--json"}));
    for (const auto& change : journal["changes"])
      if (change["name"].get<std::string>().starts_with(subject))
        return std::to_string(change["number"].get<uint64_t>());
    throw std::runtime_error("no change of " + subject);
  }

  Dovecot server_;
  std::unique_ptr<Proxy> proxy_;
  std::unique_ptr<Mount> mount_;
  std::unique_ptr<Person> person_;
};

TEST_F(Commands, FlushWaitsForTheServer) {
  deliver("INBOX", 1, 3);
  start();
  person().move("m1", "INBOX", "A");
  const auto flushed = emlfs({"flush", mount().path()});
  EXPECT_EQ(flushed.status, kOk) << flushed.errors;
  EXPECT_EQ(flushed.output + flushed.errors, "");
  EXPECT_THAT(onServer("A"), ElementsAre("m1"));

  goOffline();
  person().move("m2", "INBOX", "A");
  const auto offline = emlfs({"flush", mount().path()});
  EXPECT_EQ(offline.status, kNetwork);
  EXPECT_THAT(offline.errors, HasSubstr("Network is unreachable; not sent yet: 1 change"));
  const auto status = emlfs({"status", mount().path()});
  EXPECT_THAT(status.output, HasSubstr("pending      1 change (1 move), the oldest for"));
  EXPECT_THAT(emlfs({"journal", mount().path()}).output,
              HasSubstr("move m2.2.eml from INBOX to A"));

  goOnline();
  ASSERT_TRUE(eventually([&] { return pending() == 0; }));
  EXPECT_EQ(emlfs({"flush", mount().path()}).status, kOk);
  EXPECT_THAT(onServer("A"), ElementsAre("m1", "m2"));
}

TEST_F(Commands, WhatIsNoMountIsSaid) {
  for (const char* command : {"flush", "journal", "undelete", "expunge"}) {
    const auto result = emlfs({command, "/usr"});
    EXPECT_EQ(result.status, kUsage) << command;
    EXPECT_THAT(result.errors, HasSubstr("/usr is not")) << command;
  }
}

TEST_F(Commands, WhatTheServerRefusesIsListedRetriedAndDropped) {
  haveMovesRefused();
  EXPECT_THAT(subjects("INBOX"), ElementsAre("m1", "m2", "m3"));

  const auto flushed = emlfs({"flush", mount().path()});
  EXPECT_EQ(flushed.status, kServer);
  EXPECT_THAT(flushed.errors, HasSubstr("the server refused 2 changes: move m"));
  EXPECT_THAT(flushed.errors, HasSubstr("'emlfs journal " + mount().path() + "' says more"));
  EXPECT_THAT(emlfs({"status", mount().path()}).output, HasSubstr("refused"));
  const auto listed = emlfs({"journal", mount().path()}).output;
  EXPECT_THAT(listed, HasSubstr("refused  move m1.1.eml from INBOX to A"));
  EXPECT_THAT(listed, HasSubstr("the server said: "));
  EXPECT_THAT(listed, HasSubstr("what to do: make the mailbox, then retry"));
  EXPECT_THAT(listed, Not(HasSubstr("since 1970")));
  EXPECT_THAT(listed, HasSubstr("<1@example.org>, UID 1, "));

  const std::string out = mount().directory() + "/out";
  std::filesystem::create_directory(out);
  const auto saved = emlfs({"journal", mount().path(), "export", numberOf("m1"), out});
  EXPECT_EQ(saved.status, kOk) << saved.errors;
  EXPECT_EQ(saved.output, out + "/m1.1.eml\n");
  EXPECT_EQ(readFile(out + "/m1.1.eml"), messageNumber(1));

  EXPECT_EQ(emlfs({"journal", mount().path(), "retry", "4711"}).status, kUsage);
  bringBackA();
  const auto retried = emlfs({"journal", mount().path(), "retry", numberOf("m1")});
  EXPECT_EQ(retried.status, kOk) << retried.errors;
  EXPECT_THAT(subjects("INBOX"), ElementsAre("m2", "m3"));
  EXPECT_THAT(subjects("A"), ElementsAre("m1"));
  ASSERT_TRUE(eventually([&] { return onServer("A") == Names{"m1"}; }));
  const auto dropped = emlfs({"journal", mount().path(), "drop", "all"});
  EXPECT_EQ(dropped.status, kOk) << dropped.errors;
  EXPECT_EQ(dropped.output, "1 change dropped\n");
  EXPECT_EQ(emlfs({"flush", mount().path()}).status, kOk);
  EXPECT_THAT(onServer("INBOX"), ElementsAre("m2", "m3"));
  EXPECT_THAT(emlfs({"journal", mount().path()}).output, HasSubstr("nothing is pending"));
}

TEST_F(Commands, WhatWasHiddenComesBackOrGoesForGood) {
  deliver("A", 1, 4);
  deliver("B", 5, 6);
  start();
  const auto first = person().find("A", "m1");
  for (const char* message : {"m1", "m2", "m3"}) person().remove(message, "A");
  person().remove("m5", "B");
  person().flush();
  EXPECT_THAT(onServer("A"), ElementsAre("m4"));
  EXPECT_THAT(onServer("A", "ALL"), ElementsAre("m1", "m2", "m3", "m4"));

  const auto dry = emlfs({"undelete", "-n", mount() / "A"});
  EXPECT_EQ(dry.status, kOk) << dry.errors;
  EXPECT_THAT(dry.output, HasSubstr("2026-11-"));
  EXPECT_THAT(dry.output, HasSubstr("  " + first));
  EXPECT_THAT(dry.output, HasSubstr("3 messages would be brought back\n"));
  EXPECT_THAT(subjects("A"), ElementsAre("m4"));

  EXPECT_EQ(emlfs({"undelete", first}).output, "1 message is brought back\n");
  EXPECT_THAT(subjects("A"), ElementsAre("m1", "m4"));
  EXPECT_TRUE(std::filesystem::exists(first));
  const auto again = emlfs({"undelete", first});
  EXPECT_EQ(again.status, kUsage);
  EXPECT_THAT(again.errors, HasSubstr("is not deleted"));
  EXPECT_EQ(emlfs({"undelete", mount() / "A/none.eml"}).status, kUsage);

  EXPECT_THAT(emlfs({"undelete", mount().path()}).output, HasSubstr("nothing deleted"));
  EXPECT_EQ(emlfs({"undelete", "-r", mount().path()}).output, "3 messages are brought back\n");
  EXPECT_THAT(subjects("A"), ElementsAre("m1", "m2", "m3", "m4"));
  EXPECT_THAT(subjects("B"), ElementsAre("m5", "m6"));
  person().flush();
  EXPECT_THAT(onServer("A"), ElementsAre("m1", "m2", "m3", "m4"));

  person().remove("m1", "A");
  person().remove("m2", "A");
  const auto unasked = emlfs({"expunge", mount() / "A"});
  EXPECT_EQ(unasked.status, kUsage);
  EXPECT_THAT(unasked.errors, HasSubstr("2 messages would be removed for good: say --yes"));
  EXPECT_EQ(emlfs({"expunge", "--yes", mount() / "A"}).output, "2 messages are removed for good\n");
  person().flush();
  EXPECT_THAT(onServer("A", "ALL"), ElementsAre("m3", "m4"));
  EXPECT_THAT(emlfs({"undelete", mount() / "A"}).output, HasSubstr("nothing deleted"));
}

// A message that was moved before the server knew of it.
TEST_F(Commands, OfflineToo) {
  deliver("A", 1, 2);
  start();
  EXPECT_EQ(subjects("A").size(), 2U);
  EXPECT_EQ(subjects("B").size(), 0U);
  goOffline();
  person().move("m1", "A", "B");
  person().remove("m1", "B");
  person().remove("m2", "A");
  EXPECT_EQ(emlfs({"undelete", "-r", mount().path()}).output, "2 messages are brought back\n");
  EXPECT_THAT(subjects("A"), ElementsAre("m2"));
  EXPECT_THAT(subjects("B"), ElementsAre("m1"));
  goOnline();
  ASSERT_TRUE(eventually([&] { return pending() == 0; }));
  EXPECT_THAT(onServer("A"), ElementsAre("m2"));
  EXPECT_THAT(onServer("B"), ElementsAre("m1"));
}

TEST_F(Commands, UnmountingOfflineSaysWhatIsLeft) {
  deliver("INBOX", 1, 3);
  start();
  EXPECT_EQ(subjects("INBOX").size(), 3U);
  goOffline();
  person().move("m1", "INBOX", "A");
  person().move("m2", "INBOX", "A");
  const auto unmounted = emlfs({"umount", mount().path()});
  EXPECT_EQ(unmounted.status, kOk) << unmounted.errors;
  EXPECT_EQ(unmounted.errors,
            "emlfs: not sent yet (the server can't be reached): 2 changes; the next mount of this "
            "account sends them\n");
  EXPECT_TRUE(mount().ends(Milliseconds(0)));
  EXPECT_THAT(onServer("A"), IsEmpty());
  proxy_->resume();
  mount_->mount();
  EXPECT_THAT(subjects("A"), ElementsAre("m1", "m2"));
  ASSERT_TRUE(eventually([&] { return onServer("A") == Names({"m1", "m2"}); }));
}

TEST_F(Commands, UnmountingSendsWhatIsPending) {
  deliver("INBOX", 1, 20);
  start();
  EXPECT_EQ(subjects("INBOX").size(), 20U);
  proxy_->setRoundTrip(Milliseconds(200));
  for (const auto& name : subjects("INBOX")) person().move(name + ".", "INBOX", "A");
  const auto unmounted = emlfs({"umount", mount().path()});
  EXPECT_EQ(unmounted.status, kOk);
  EXPECT_EQ(unmounted.errors, "");
  EXPECT_EQ(onServer("A").size(), 20U);
  EXPECT_TRUE(mount().ends(Milliseconds(0)));
  mount_->kill();
}

// As systemd does, or ^C in the foreground.
TEST_F(Commands, ASignalSendsWhatIsPendingAndASecondOneDoesNotWait) {
  deliver("INBOX", 1, 20);
  start();
  EXPECT_EQ(subjects("INBOX").size(), 20U);
  const pid_t pid = mount().status()["pid"];
  proxy_->setRoundTrip(Milliseconds(200));
  for (const auto& name : subjects("INBOX")) person().move(name + ".", "INBOX", "A");
  ::kill(pid, SIGTERM);
  ASSERT_TRUE(mount().ends(Milliseconds(20'000)));
  EXPECT_EQ(onServer("A").size(), 20U);

  mount_->mount();
  const pid_t again = mount().status()["pid"];
  proxy_->stall();
  person().move("m1.", "A", "B");
  ::kill(again, SIGTERM);
  EXPECT_FALSE(mount().ends(Milliseconds(1'000))) << "it tries for as long as `timeout`";
  ::kill(again, SIGTERM);
  EXPECT_TRUE(mount().ends(Milliseconds(5'000)));
  EXPECT_THAT(mount().log(), HasSubstr("1 changes are not sent yet: the next mount sends them"));
  proxy_->resume();
  mount_->mount();
  ASSERT_TRUE(eventually([&] { return onServer("B") == Names{"m1"}; }));
}

TEST_F(Commands, UnmountingAtOnceLeavesWhatIsPending) {
  deliver("INBOX", 1, 1);
  start();
  EXPECT_EQ(subjects("INBOX").size(), 1U);
  proxy_->stall();
  person().move("m1", "INBOX", "A");
  const auto began = Clock::now();
  const auto unmounted = emlfs({"umount", "--now", mount().path()});
  EXPECT_LT(Clock::now() - began, Milliseconds(8'000)) << "below the timeout";
  EXPECT_EQ(unmounted.status, kOk);
  EXPECT_THAT(unmounted.errors, HasSubstr("not sent yet: 1 change"));
  proxy_->resume();
  mount_->mount();
  ASSERT_TRUE(eventually([&] { return onServer("A") == Names{"m1"}; }));
}

int codeOf(const std::function<void()>& act) {
  try {
    act();
    return 0;
  } catch (const CallFailed& failure) {
    return failure.error;
  }
}

TEST_F(Commands, WithSyncEveryChangeWaitsForTheServer) {
  deliver("INBOX", 1, 4);
  start({"sync"});
  person().move("m1", "INBOX", "A");
  EXPECT_THAT(onServer("A"), ElementsAre("m1"));
  person().remove("m2", "INBOX");
  EXPECT_THAT(onServer("INBOX", "DELETED"), ElementsAre("m2"));
  person().changeFlags("m3", "INBOX", "+\\Flagged");
  EXPECT_THAT(onServer("INBOX", "FLAGGED"), ElementsAre("m3"));

  goOffline();
  const auto path = person().find("INBOX", "m3");
  EXPECT_EQ(codeOf([&] { person().move("m3", "INBOX", "A"); }), ENETUNREACH);
  // It is pending, and the kernel sees that too.
  EXPECT_TRUE(eventually([&] { return !std::filesystem::exists(path); }));
  EXPECT_THAT(subjects("A"), ElementsAre("m1", "m3"));
  goOnline();
  ASSERT_TRUE(eventually([&] { return onServer("A") == Names({"m1", "m3"}); }));

  // Refused: as before, in the kernel as well.
  goOffline();
  EXPECT_EQ(codeOf([&] { person().move("m4", "INBOX", "B"); }), ENETUNREACH);
  server_.deleteMailbox("B");
  goOnline();
  ASSERT_TRUE(eventually([&] { return refused() == 1; }));
  EXPECT_THAT(subjects("INBOX"), ElementsAre("m4"));
}

TEST_F(Commands, ASignalEndsTheWaitOfSync) {
  deliver("INBOX", 1, 1);
  start({"sync", "timeout=60s"});
  const auto path = person().find("INBOX", "m1");
  proxy_->stall();
  const auto began = Clock::now();
  // timeout(1) sends SIGTERM, which mv doesn't handle.
  const auto moved = run({"timeout", "1", "mv", path, mount() / "A"});
  EXPECT_EQ(moved.status, 124);
  EXPECT_LT(Clock::now() - began, Milliseconds(20'000));
  EXPECT_THAT(subjects("A"), ElementsAre("m1"));
  goOnline();
  ASSERT_TRUE(eventually([&] { return onServer("A") == Names{"m1"}; }));
}

TEST_F(Commands, DfShowsTheQuotaAlsoOffline) {
  deliver("INBOX", 1, 3);
  start();
  struct statvfs st{};
  const auto limit = [&] {
    EXPECT_EQ(::statvfs(mount().path().c_str(), &st), 0);
    return st.f_blocks * st.f_frsize;
  };
  ASSERT_TRUE(eventually([&] { return limit() == uint64_t{2} << 30; }));
  EXPECT_LE(st.f_bfree, st.f_blocks);
  EXPECT_GT(st.f_bfree, 0U);
  mount_->unmount();
  proxy_->refuse();
  mount_->mount();
  EXPECT_EQ(limit(), uint64_t{2} << 30);
  proxy_->resume();
}

}  // namespace
}  // namespace emlfs::test
