// The bucket of bytes, on a clock that the test moves.
#include "emlfs/imap/throttle.h"

#include <gtest/gtest.h>

namespace emlfs::imap {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Manner = Throttle::Manner;

class ThrottleTest : public testing::Test {
 protected:
  // 100,000 bytes a second, or that in another period.
  static constexpr uint64_t kRate = 100'000;
  Throttle make(int64_t left, Milliseconds period = seconds(1)) {
    const auto bytes = kRate * static_cast<uint64_t>(period.count()) / 1'000;
    return {{bytes, period}, left, [this] { return now_; }};
  }
  Clock::time_point now_ = Clock::now();
};

TEST_F(ThrottleTest, WhoFindsItEmptyWaitsUntilItIsNot) {
  Throttle throttle = make(50'000);
  EXPECT_EQ(throttle.due({}), Clock::duration{});
  throttle.took(50'000);
  EXPECT_GT(throttle.due({}), Clock::duration{});
  now_ += milliseconds(1);
  EXPECT_EQ(throttle.due({}), Clock::duration{});
  throttle.took(100'000);  // more than there was: what arrives is known then only
  EXPECT_GE(throttle.due({}), milliseconds(990));
  EXPECT_LE(throttle.due({}), milliseconds(1'010));
  now_ += throttle.due({});
  EXPECT_EQ(throttle.due({}), Clock::duration{});
}

TEST_F(ThrottleTest, WhatIsNotUsedIsSavedUpForOnePeriod) {
  Throttle throttle = make(0, hours(24));
  now_ += hours(12);
  EXPECT_EQ(throttle.left(), static_cast<int64_t>(kRate * 43'200));
  now_ += hours(100);
  EXPECT_EQ(throttle.left(), static_cast<int64_t>(kRate * 86'400));
}

TEST_F(ThrottleTest, OverAllItGivesWhatItMay) {
  Throttle throttle = make(static_cast<int64_t>(kRate));
  const auto began = now_;
  uint64_t taken = 0;
  while (taken < 20 * kRate) {
    now_ += throttle.due({});
    taken += throttle.piece();
    throttle.took(throttle.piece());
  }
  // A second's worth was there at the beginning.
  EXPECT_GE(now_ - began, milliseconds(18'500));
  EXPECT_LE(now_ - began, milliseconds(19'500));
}

TEST_F(ThrottleTest, WhoNobodyWaitsForLetsOthersGoFirst) {
  Throttle throttle = make(0);
  now_ += milliseconds(100);
  EXPECT_EQ(throttle.due({}), Clock::duration{});
  const Throttle::As patient(Manner::patient);
  EXPECT_GE(throttle.due({}), milliseconds(350));
  {
    const Throttle::As ordinary(Manner::ordinary);
    EXPECT_EQ(throttle.due({}), Clock::duration{});
  }
  // Not for ever, and not longer than there is need.
  EXPECT_EQ(throttle.due(seconds(5)), Clock::duration{});
  now_ += throttle.due({});
  EXPECT_EQ(throttle.due({}), Clock::duration{});
}

TEST_F(ThrottleTest, ListeningIsCountedAndNeverWaits) {
  Throttle throttle = make(-1'000'000);
  const Throttle::As listening(Manner::at_once);
  EXPECT_EQ(throttle.due({}), Clock::duration{});
  throttle.took(500);
  EXPECT_EQ(throttle.left(), -1'000'500);
}

TEST_F(ThrottleTest, AClockThatStandsStillGivesNothing) {
  Throttle throttle = make(-10);
  EXPECT_GT(throttle.due({}), Clock::duration{});
  EXPECT_EQ(throttle.left(), -10);
}

}  // namespace
}  // namespace emlfs::imap
