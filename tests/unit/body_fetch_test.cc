// Bodies from a server that may have replaced the mailbox since it was selected.
#include "account/body_reader.h"
#include "support/hand_pool.h"
#include "unit/sync_fixture.h"

namespace emlfs {
namespace {

using test::HandPool;

class BodyFetchTest : public StoreTest {
 protected:
  ~BodyFetchTest() override { bodies_.stop(); }

  std::optional<Error> read(ModelSession& session, MailboxId mailbox) {
    std::optional<Error> failed;
    const auto id = cache_->snapshot()->byUid(mailbox, 1);
    bodies_.read(bodies_.newRead(), *id, 0, 4096,
                 [&](const std::optional<Error>& error, const auto&) { failed = error; });
    while (!pool_.jobs.empty()) HandPool::run(pool_.take(), &session);
    return failed;
  }

  HandPool pool_;
  Counters counters_;
  unsigned doubts_of_mailboxes_ = 0;
  BodyReader bodies_{
      pool_,
      *cache_,
      1 << 20,
      counters_,
      {[](const store::MessageRecord&) {}, [this](MailboxId) { ++doubts_of_mailboxes_; },
       [](const std::optional<Error>&) {}}};
};

TEST_F(BodyFetchTest, ASessionThatHasTheOldMailboxSelectedLooksAgain) {
  ModelMailbox model;
  model.append();
  ModelSession session(model, {});
  const auto id = mailbox(session);
  sync::syncMailbox(session, store(), id, ignore_);
  model.replace();
  model.append();
  ModelSession other(model, {});
  sync::syncMailbox(other, store(), id, ignore_);
  const auto failed = read(session, id);
  EXPECT_FALSE(failed) << failed->what();
  EXPECT_EQ(doubts_of_mailboxes_, 0U);

  model.replace();
  model.append();
  sync::syncMailbox(other, store(), id, ignore_);
  model.replace();  // and the store doesn't know
  const auto stale = read(session, id);
  ASSERT_TRUE(stale);
  EXPECT_EQ(stale->code, Code::stale);
  EXPECT_EQ(doubts_of_mailboxes_, 1U);
}

}  // namespace
}  // namespace emlfs
