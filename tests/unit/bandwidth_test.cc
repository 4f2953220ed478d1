// What is left of a period's bytes survives the mount.
#include "account/bandwidth.h"

#include <gtest/gtest.h>

#include <ctime>
#include <fstream>

#include "emlfs/base/error.h"
#include "emlfs/base/file.h"
#include "support/scratch_dir.h"

namespace emlfs {
namespace {

constexpr imap::Rate kDaily{1'000'000'000, std::chrono::hours(24)};
constexpr int64_t kHour = 3'600'000;

int64_t now() {
  return int64_t{std::time(nullptr)} * 1000;
}

TEST(LeftOver, FillsUpWithTheTime) {
  const LeftOver empty{0, 10 * kHour};
  EXPECT_EQ(refilled(empty, kDaily, 10 * kHour), 0);
  EXPECT_NEAR(refilled(empty, kDaily, 16 * kHour), 250e6, 1);
  EXPECT_EQ(refilled(empty, kDaily, 1000 * kHour), 1e9);
  EXPECT_NEAR(refilled({-250e6, 0}, kDaily, 12 * kHour), 250e6, 1);
  // A clock that was set back.
  EXPECT_EQ(refilled({5, 10 * kHour}, kDaily, kHour), 5);
  // There was another limit before.
  EXPECT_EQ(refilled({5e9, 0}, kDaily, 0), 1e9);
}

TEST(LeftOver, IsWrittenAndRead) {
  const auto again = parseLeftOver(leftOverText({-12'345, 1'795'000'000'123}));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->bytes, -12'345);
  EXPECT_EQ(again->at, 1'795'000'000'123);
  for (const char* other : {"", "x", "1", "1 2\n", "nan 2 3\n", "1 2 3", "1 2 3 4\n"})
    EXPECT_FALSE(parseLeftOver(other)) << other;
}

class BandwidthTest : public testing::Test {
 protected:
  void writeFile(const std::string& text) const { std::ofstream(file_) << text; }
  int64_t left() const { return Bandwidth(kDaily, directory_.path()).throttle()->left(); }

  const test::ScratchDir directory_;
  const std::string file_ = directory_ / "bandwidth";
};

TEST_F(BandwidthTest, AMountGoesOnWhereTheLastOneEnded) {
  {
    Bandwidth first(kDaily, directory_.path());
    EXPECT_EQ(first.throttle()->left(), 1'000'000'000);
    first.throttle()->took(900'000'000);
    first.save();
  }
  EXPECT_LT(left(), 101'000'000);
  EXPECT_GE(left(), 100'000'000);
}

// A trial with a small limit doesn't use up a large one.
TEST_F(BandwidthTest, OfAnotherLimitAsMuchIsLeft) {
  {
    Bandwidth trial({100'000, Milliseconds{1'000}}, directory_.path());
    trial.throttle()->took(10'000);
    trial.save();
  }
  EXPECT_GE(left(), 899'000'000);
}

TEST_F(BandwidthTest, NowAndThenItIsWrittenDown) {
  Bandwidth mount(kDaily, directory_.path());
  mount.throttle()->took(1'000'000);
  mount.note();
  EXPECT_THROW(readFile(file_), Error);  // not worth the disk's while
  mount.throttle()->took(100'000'000);
  mount.note();
  EXPECT_LT(left(), 910'000'000);
}

TEST_F(BandwidthTest, WhatCanNotBeIsNoError) {
  for (const char* text : {"", "garbage", "1e400 5\n"}) {
    writeFile(text);
    EXPECT_EQ(left(), 1'000'000'000) << text;
  }
  // Written by a clock that is ahead of ours, and overdrawn beyond all measure.
  writeFile(leftOverText({0, now() + 1000 * kHour}));
  EXPECT_LT(left(), 10'000'000);
  writeFile(leftOverText({-1e18, now()}));
  EXPECT_GE(left(), -1'000'000'000);
  Bandwidth nowhere(kDaily, directory_ / "missing");
  nowhere.save();
  EXPECT_EQ(nowhere.throttle()->left(), 1'000'000'000);
}

TEST_F(BandwidthTest, WithoutALimitThereIsNone) {
  Bandwidth none({}, directory_.path());
  EXPECT_EQ(none.throttle(), nullptr);
  none.note();
  none.save();
  EXPECT_THROW(readFile(file_), Error);
}

}  // namespace
}  // namespace emlfs
