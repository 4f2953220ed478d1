// Very much that is deleted within a minute is noticed, once.
#include "account/deletions.h"

#include <gtest/gtest.h>

namespace emlfs {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

class DeletionsTest : public testing::Test {
 protected:
  // How many of these began a burst.
  unsigned add(uint64_t count, Deletions::Fate fate = Deletions::Fate::hidden) {
    unsigned begun = 0;
    for (uint64_t i = 0; i < count; ++i) begun += deletions_.add(now_, fate) ? 1 : 0;
    return begun;
  }

  Clock::time_point now_ = Clock::now();
  Deletions deletions_;
};

TEST_F(DeletionsTest, AThousandAreUsual) {
  EXPECT_EQ(add(1'000), 0U);
  EXPECT_FALSE(deletions_.burst(now_));
  EXPECT_EQ(add(1), 1U);
  ASSERT_TRUE(deletions_.burst(now_));
  EXPECT_EQ(deletions_.burst(now_)->all(), 1'001U);
}

TEST_F(DeletionsTest, SlowlyIsUsual) {
  for (int minute = 0; minute < 10; ++minute) {
    EXPECT_EQ(add(900), 0U);
    now_ += seconds(62);
  }
  EXPECT_FALSE(deletions_.burst(now_));
}

TEST_F(DeletionsTest, IsSaidOnceForEachBurst) {
  unsigned begun = 0;
  for (int second = 0; second < 30; ++second) {
    begun += add(100);
    now_ += seconds(1);
  }
  EXPECT_EQ(begun, 1U);
  EXPECT_EQ(deletions_.burst(now_)->all(), 3'000U);
  now_ += minutes(5);
  EXPECT_FALSE(deletions_.burst(now_));
  EXPECT_EQ(add(1'001), 1U);
}

// The trash that is emptied is gone for good, whatever the policy.
TEST_F(DeletionsTest, SaysWhatBecameOfThem) {
  add(600, Deletions::Fate::for_good);
  add(500, Deletions::Fate::in_trash);
  add(1);
  const auto burst = deletions_.burst(now_);
  ASSERT_TRUE(burst);
  EXPECT_EQ(burst->for_good, 600U);
  EXPECT_EQ(burst->in_trash, 500U);
  EXPECT_EQ(burst->hidden, 1U);
}

TEST_F(DeletionsTest, IsToldForFiveMinutes) {
  add(1'001);
  now_ += minutes(5);
  EXPECT_TRUE(deletions_.burst(now_));
  now_ += seconds(1);
  EXPECT_FALSE(deletions_.burst(now_));
}

}  // namespace
}  // namespace emlfs
