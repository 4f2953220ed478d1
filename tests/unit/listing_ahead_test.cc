// Which mailboxes are listed before somebody comes to them.
#include "account/listing_ahead.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "support/cache_samples.h"
#include "unit/cache_fixture.h"

namespace emlfs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ListingAheadTest : public CacheTest {
 protected:
  void fill(uint64_t count) {
    for (uint64_t id = 1; id <= count; ++id) put(id, false);
  }
  void put(uint64_t id, bool listed) {
    update([&](auto& change) {
      auto mailbox = test::sampleMailbox(id, fmt::format("{:04}", id));
      mailbox.wire = mailbox.name;
      mailbox.state.complete = listed;
      change.putMailbox(mailbox);
    });
  }
  // Who lists it finds it listed afterwards.
  std::vector<uint64_t> visit(uint64_t id) {
    std::vector<uint64_t> ids;
    for (const MailboxId each : ahead_.visits(*cache_->snapshot(), test::mailboxId(id), now_))
      ids.push_back(each.value & ~kDirectoryBit);
    put(id, true);
    return ids;
  }

  ListingAhead ahead_;
  Clock::time_point now_ = Clock::now();
};

TEST_F(ListingAheadTest, TheThirdInARowIsAWalk) {
  fill(30);
  EXPECT_THAT(visit(20), IsEmpty());
  EXPECT_THAT(visit(21), IsEmpty());
  EXPECT_THAT(visit(21), IsEmpty()) << "once more the same";
  EXPECT_THAT(visit(22), ElementsAre(23, 24, 25, 26, 27, 28, 29, 30));
  EXPECT_THAT(visit(1), IsEmpty()) << "eight are under way";
  put(25, true);
  put(26, true);
  EXPECT_THAT(visit(23), ElementsAre(2, 3));
}

TEST_F(ListingAheadTest, ALookNowAndThenIsNone) {
  fill(30);
  for (uint64_t id = 1; id <= 10; ++id) {
    EXPECT_THAT(visit(id), IsEmpty());
    now_ += std::chrono::seconds(6);
  }
}

TEST_F(ListingAheadTest, WhatIsListedOrNoMailboxIsPassedOver) {
  fill(8);
  put(5, true);
  update([](auto& change) {
    auto mailbox = test::sampleMailbox(6, "0006");
    mailbox.wire = mailbox.name;
    mailbox.selectable = false;
    change.putMailbox(mailbox);
  });
  visit(1);
  visit(2);
  EXPECT_THAT(visit(3), ElementsAre(4, 7, 8));
}

TEST_F(ListingAheadTest, ComesToAllOfThem) {
  fill(200);
  std::set<uint64_t> asked;
  for (uint64_t id = 1; id <= 200; ++id) {
    for (const uint64_t each : visit(id)) {
      EXPECT_TRUE(asked.insert(each).second) << "twice";
      put(each, true);
    }
  }
  EXPECT_EQ(asked.size(), 197U);
}

}  // namespace
}  // namespace emlfs
