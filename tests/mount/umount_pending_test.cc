// How a mount ends while changes are pending: emlfs umount, and signals.
#include <gmock/gmock.h>
#include <signal.h>

#include "mount/commands.h"
#include "support/running.h"

namespace emlfs::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

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
            "account has it all, and sends what is finished\n");
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
  EXPECT_THAT(mount().log(), HasSubstr("not sent yet, and left for the next mount: 1 changes"));
  proxy_->resume();
  mount_->mount();
  ASSERT_TRUE(eventually([&] { return onServer("B") == Names{"m1"}; }));
}

// Its disk is slow, perhaps: 5 s of silence don't make it a dead one.
TEST_F(Commands, ADaemonThatIsSilentForAWhileIsWaitedFor) {
  deliver("INBOX", 1, 1);
  start();
  EXPECT_EQ(subjects("INBOX").size(), 1U);
  proxy_->setRoundTrip(Milliseconds(200));
  person().move("m1", "INBOX", "A");
  const pid_t pid = mount().status()["pid"];
  ::kill(pid, SIGSTOP);
  Running unmounts({kProgram, "umount", mount().path()});
  EXPECT_FALSE(unmounts.wait(Milliseconds(7'000)));
  ::kill(pid, SIGCONT);
  EXPECT_EQ(unmounts.wait(Milliseconds(20'000)), kOk);
  EXPECT_TRUE(mount().ends(Milliseconds(0)));
  EXPECT_THAT(onServer("A"), ElementsAre("m1"));
  mount_->kill();
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

}  // namespace
}  // namespace emlfs::test
