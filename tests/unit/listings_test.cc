// Which jobs bring a mailbox up to date, whatever becomes of those beside them.
#include "account/listings.h"

#include "support/hand_pool.h"
#include "unit/sync_fixture.h"

namespace emlfs {
namespace {

using imap::Lane;
using test::HandPool;

class ListingsTest : public StoreTest {
 protected:
  void SetUp() override {
    model_.append();
    id_ = mailbox(session_);
  }
  // Somebody waits for the first listing.
  void look() {
    listings_.whenListed(listings_.newWait(), id_, 0, [this](const std::optional<Error>& error) {
      ++answers_;
      failed_ = error.has_value();
    });
  }
  bool listed() { return cache_->snapshot()->mailbox(id_)->state.complete; }
  // Whatever is left to be done.
  void runAll() {
    while (!pool_.jobs.empty()) HandPool::run(pool_.take(), &session_);
  }

  ModelMailbox model_;
  ModelSession session_{model_, {}};
  HandPool pool_;
  Listings listings_{pool_, store(), ignore_, [](const auto&) {}};
  MailboxId id_;
  unsigned answers_ = 0;
  bool failed_ = false;
};

// The one in the background begins while the one that overtakes it is being submitted.
TEST_F(ListingsTest, AFailureOfTheOneThatRanFirstIsNotLost) {
  listings_.refresh(id_);
  const auto first = pool_.take();
  look();
  const auto second = pool_.take();
  session_.on_call = [&] {
    ModelSession other(model_, {});
    HandPool::run(second, &other);
    throw Error(Code::refused, Scope::mailbox, "no");
  };
  HandPool::run(first, &session_);
  EXPECT_EQ(answers_, 1U);
  EXPECT_TRUE(failed_);
  look();
  runAll();
  EXPECT_EQ(answers_, 2U);
  EXPECT_FALSE(failed_);
  EXPECT_TRUE(listed());
}

TEST_F(ListingsTest, TheOneInTheBackgroundOutlivesTheFailureOfTheOneThatOvertookIt) {
  listings_.refresh(id_);
  look();
  const auto background = pool_.take();
  HandPool::run(pool_.take(), nullptr);  // people don't wait for a server that is away
  EXPECT_EQ(answers_, 1U);
  EXPECT_TRUE(failed_);
  listings_.refresh(id_);
  EXPECT_TRUE(pool_.jobs.empty()) << "it waits already";
  HandPool::run(background, &session_);
  EXPECT_TRUE(listed());
}

TEST_F(ListingsTest, WhatChangedMeanwhileIsLookedAtAlsoAfterAFailure) {
  listings_.refresh(id_);
  session_.on_call = [&] {
    listings_.refresh(id_);
    throw Error(Code::refused, Scope::mailbox, "no");
  };
  HandPool::run(pool_.take(), &session_);
  ASSERT_EQ(pool_.jobs.size(), 1U);
  runAll();
  EXPECT_TRUE(listed());
}

TEST_F(ListingsTest, TheOvertakenOneHasNothingToDo) {
  listings_.refresh(id_);
  look();
  const auto background = pool_.take();
  runAll();
  EXPECT_EQ(answers_, 1U);
  bool called = false;
  session_.on_call = [&] { called = true; };
  HandPool::run(background, &session_);
  EXPECT_FALSE(called);
}

// As the pool repeats it on another connection.
TEST_F(ListingsTest, AnEmptyMailboxIsBelievedAtTheSecondLook) {
  listings_.refresh(id_);
  runAll();
  model_.messages.clear();
  listings_.refresh(id_);
  const auto job = pool_.take();
  EXPECT_THROW(job.run(session_), Error);
  EXPECT_EQ(cache_->snapshot()->mailbox(id_)->state.messages, 1U);
  job.run(session_);
  EXPECT_EQ(cache_->snapshot()->mailbox(id_)->state.messages, 0U);
}

}  // namespace
}  // namespace emlfs
