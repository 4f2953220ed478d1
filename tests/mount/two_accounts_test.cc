// Two accounts of one user: `mv` from one to the other is copy and remove.
#include <gmock/gmock.h>

#include "mount/commands.h"
#include "support/scratch_dir.h"

namespace emlfs::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class TwoAccounts : public Commands {
 protected:
  void SetUp() override {
    Commands::SetUp();
    if (IsSkipped()) return;
    deliver("INBOX", 1, 2);
    start({"state_dir=" + state_ / "one"});
    there_proxy_ = Proxy::start({there_server_.host(), there_server_.imapPort()});
    there_mount_ = std::make_unique<Mount>(
        there_server_, *there_proxy_,
        std::vector<std::string>{"state_dir=" + state_ / "two", "timeout=10s"});
    there_ = std::make_unique<Person>(there_mount_->path());
    there_->names("INBOX");
  }
  size_t arrived() const {
    ImapClient client(there_server_);
    client.expectOk("EXAMINE INBOX");
    return client.search("SUBJECT m1").size();
  }

  const ScratchDir state_;
  const Dovecot there_server_;
  std::unique_ptr<Proxy> there_proxy_;
  std::unique_ptr<Mount> there_mount_;
  std::unique_ptr<Person> there_;
};

TEST_F(TwoAccounts, WhatWasMovedIsNotDeletedBeforeTheOtherServerHasIt) {
  there_proxy_->refuse();
  there_proxy_->cutNow();
  there_->write("INBOX", "m1.eml", datedMail(1));
  person().remove("m1.", "INBOX");
  person().changeFlags("m2.", "INBOX", "+\\Flagged");
  // A later change is there: the deletion was passed over, and not only slow.
  ASSERT_TRUE(eventually([&] { return onServer("INBOX", "FLAGGED") == Names({"m2"}); }));
  EXPECT_THAT(onServer("INBOX"), ElementsAre("m1", "m2"));
  EXPECT_EQ(arrived(), 0U);
  there_proxy_->resume();
  ASSERT_TRUE(eventually([&] { return onServer("INBOX") == Names({"m2"}); }));
  EXPECT_EQ(arrived(), 1U);
}

TEST_F(TwoAccounts, AFlushWaitsForTheOtherServer) {
  there_->write("INBOX", "m1.eml", datedMail(1));
  person().remove("m1.", "INBOX");
  const auto flushed = emlfs({"flush", mount().path()});
  EXPECT_EQ(flushed.status, kOk) << flushed.errors;
  EXPECT_EQ(arrived(), 1U);
  EXPECT_THAT(onServer("INBOX"), ElementsAre("m2"));
}

// After a restart, too, and while the other account isn't mounted.
TEST_F(TwoAccounts, TheDeletionWaitsForAnAccountThatIsNotMounted) {
  there_proxy_->refuse();
  there_proxy_->cutNow();
  there_->write("INBOX", "m1.eml", datedMail(1));
  const auto unmounted = emlfs({"umount", there_mount_->path()});
  ASSERT_THAT(unmounted.errors, HasSubstr("not sent yet"));
  person().remove("m1.", "INBOX");
  mount_->remount();
  person().changeFlags("m2.", "INBOX", "+\\Flagged");
  ASSERT_TRUE(eventually([&] { return onServer("INBOX", "FLAGGED") == Names({"m2"}); }));
  EXPECT_THAT(onServer("INBOX"), ElementsAre("m1", "m2"));
  there_proxy_->resume();
  there_mount_->mount();
  ASSERT_TRUE(eventually([&] { return onServer("INBOX") == Names({"m2"}); }));
  EXPECT_EQ(arrived(), 1U);
}

}  // namespace
}  // namespace emlfs::test
