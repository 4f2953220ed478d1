// Who waits for the server: emlfs flush, and every change with the option `sync`. And df.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <filesystem>
#include <functional>

#include "mount/commands.h"
#include "support/running.h"

namespace emlfs::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

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

  // The moment that the server is back.
  EXPECT_EQ(emlfs({"flush", mount().path()}).status, kNetwork);
  proxy_->resume();
  const auto back = emlfs({"flush", mount().path()});
  EXPECT_EQ(back.status, kOk) << back.errors;
  EXPECT_THAT(onServer("A"), ElementsAre("m1", "m2"));
}

TEST_F(Commands, WhatIsNoMountIsSaid) {
  for (const char* command : {"flush", "journal", "undelete", "expunge"}) {
    const auto result = emlfs({command, "/usr"});
    EXPECT_EQ(result.status, kUsage) << command;
    EXPECT_THAT(result.errors, HasSubstr("/usr is not")) << command;
  }
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

// The kernel holds the message's lock meanwhile: who takes its name back waits for that, and holds
// the directory's.
TEST_F(Commands, AFlagThatWaitsForTheServerBlocksNoDirectory) {
  deliver("A", 1, 2);
  start({"sync", "timeout=60s"});
  const auto path = person().find("A", "m1");
  proxy_->stall();
  Running hides({"setfattr", "-n", "user.imap.flags", "-v", "+\\Deleted", path});
  ASSERT_TRUE(eventually([&] { return pending() == 1; }));
  EXPECT_FALSE(hides.wait(Milliseconds(300)));
  Running looks({"stat", mount() / "A/none.eml"});
  EXPECT_EQ(looks.wait(Milliseconds(5'000)), 1);
  hides.signal(SIGKILL);
  goOnline();
  ASSERT_TRUE(eventually([&] { return onServer("A") == Names{"m2"}; }));
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
