#include "app/progress.h"

#include <gtest/gtest.h>

#include "app/fetch_list.h"
#include "app/fetch_text.h"

namespace emlfs::app {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr uint64_t kMi = uint64_t{1} << 20;

Clock::time_point at(double after) {
  return Clock::time_point() +
         std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(after));
}

TEST(Pace, IsThatOfTheLastSeconds) {
  Pace pace;
  EXPECT_EQ(pace.bytesPerSecond(), std::nullopt);
  EXPECT_FALSE(pace.timeFor(1));
  pace.add(at(0), 0);
  EXPECT_EQ(pace.bytesPerSecond(), std::nullopt);
  pace.add(at(0.5), 0);
  EXPECT_EQ(pace.bytesPerSecond(), std::nullopt);
  EXPECT_FALSE(pace.timeFor(1));
  pace.add(at(2), 2 * kMi);
  EXPECT_DOUBLE_EQ(pace.bytesPerSecond().value(), kMi);
  EXPECT_EQ(pace.timeFor(10 * kMi), seconds(10));
  EXPECT_EQ(pace.timeFor(1), seconds(1));
  EXPECT_EQ(pace.timeFor(0), seconds(0));
  // A minute of ten times that: what was before no longer counts.
  for (int second = 3; second <= 60; ++second)
    pace.add(at(second), 2 * kMi + static_cast<uint64_t>(second - 2) * 10 * kMi);
  EXPECT_DOUBLE_EQ(pace.bytesPerSecond().value(), 10 * kMi);
}

TEST(Pace, OfAStandstillIsNone) {
  Pace pace;
  for (int second = 0; second <= 10; ++second)
    pace.add(at(second), std::min<uint64_t>(kMi, static_cast<uint64_t>(second) * kMi));
  EXPECT_GT(pace.bytesPerSecond().value(), 0);
  for (int second = 11; second <= 40; ++second) pace.add(at(second), kMi);
  EXPECT_EQ(pace.bytesPerSecond(), 0);
  EXPECT_FALSE(pace.timeFor(kMi));
  // Bytes that were counted and then were not: no rate below zero.
  pace.add(at(41), 0);
  EXPECT_EQ(pace.bytesPerSecond(), 0);
}

TEST(Progress, SaysTheTimeLeftInItsWeightiestUnit) {
  EXPECT_EQ(timeLeft(seconds(0)), "0 s left");
  EXPECT_EQ(timeLeft(seconds(89)), "89 s left");
  EXPECT_EQ(timeLeft(seconds(90)), "2 min left");
  EXPECT_EQ(timeLeft(minutes(5) + seconds(2)), "5 min left");
  EXPECT_EQ(timeLeft(minutes(89)), "89 min left");
  EXPECT_EQ(timeLeft(hours(7) + minutes(31)), "8 h left");
  EXPECT_EQ(timeLeft(hours(50)), "2 d left");
}

Progress someProgress() {
  Progress progress;
  progress.messages = 1234;
  progress.messages_total = 12345;
  progress.bytes = 452 * kMi / 10;
  progress.bytes_total = 1229 * kMi;
  progress.bytes_per_second = 3.4 * kMi;
  progress.left = minutes(5);
  return progress;
}

TEST(Progress, IsOneLine) {
  EXPECT_EQ(progressText(someProgress()),
            "1,234/12,345 messages  45.2 MiB/1.2 GiB  3.4 MiB/s  5 min left");
  EXPECT_EQ(progressLine(someProgress(), 100),
            "[#.............................] "
            "1,234/12,345 messages  45.2 MiB/1.2 GiB  3.4 MiB/s  5 min left");
  EXPECT_EQ(progressLine(someProgress(), 80),
            "[...............] 1,234/12,345 messages  45.2 MiB/1.2 GiB  3.4 MiB/s  5 min left");
}

TEST(Progress, LeavesOutARateThatIsUnknown) {
  Progress progress = someProgress();
  progress.bytes_per_second.reset();
  progress.left.reset();
  EXPECT_EQ(progressText(progress), "1,234/12,345 messages  45.2 MiB/1.2 GiB");
  progress.bytes_per_second = 0;  // a standstill is known
  EXPECT_EQ(progressText(progress), "1,234/12,345 messages  45.2 MiB/1.2 GiB  0 B/s");
}

TEST(Progress, FitsWhateverTheWidth) {
  const Progress progress = someProgress();
  const size_t whole = progressText(progress).size();
  EXPECT_EQ(progressLine(progress, whole), progressText(progress));
  EXPECT_EQ(progressLine(progress, whole - 1),
            "1,234/12,345 messages  45.2 MiB/1.2 GiB  3.4 MiB/s");
  EXPECT_EQ(progressLine(progress, 21), "1,234/12,345 messages");
  EXPECT_EQ(progressLine(progress, 20), "");
  for (size_t columns = 0; columns < 200; ++columns)
    EXPECT_LE(progressLine(progress, columns).size(), columns);
}

TEST(Progress, TheBarIsFullAtTheEndOnly) {
  Progress progress = someProgress();
  progress.left.reset();
  const auto bar = [&] { return progressLine(progress, 100).substr(0, 32); };
  progress.bytes = progress.bytes_total - 1;
  EXPECT_EQ(bar(), "[#############################.]");
  progress.bytes = progress.bytes_total;
  EXPECT_EQ(bar(), "[##############################]");
  progress.bytes = progress.bytes_total * 2;  // sizes were wrong
  EXPECT_EQ(bar(), "[##############################]");
  progress.bytes_total = progress.bytes = 0;
  EXPECT_EQ(bar(), "[##............................]");  // of messages then
  progress.messages_total = progress.messages = 0;
  EXPECT_EQ(bar(), "[##############################]");
}

TEST(FetchText, ListingFitsWhateverTheWidth) {
  FetchState state;
  state.directory = "/home/alice/mail/\x1b Lists/a long one that goes on";
  state.listed = 12345;
  EXPECT_EQ(fetchLine(state, std::string::npos),
            "listing /home/alice/mail/? Lists/a long one that goes on: 12,345 messages");
  EXPECT_EQ(fetchLine(state, 50), "listing /home/alice/mail/? Lis...: 12,345 messages");
  for (size_t columns = 0; columns < 100; ++columns)
    EXPECT_LE(fetchLine(state, columns).size(), columns);
  state.directory.clear();
  state.listed = 0;
  EXPECT_EQ(fetchLine(state, std::string::npos), "listing: 0 messages");
  EXPECT_EQ(fetchLine(state, 10), "listing: 0");
}

TEST(FetchText, SaysWhatWasDone) {
  FetchState state;
  state.phase = FetchPhase::done;
  state.progress = someProgress();
  state.cached_before = 11111;
  EXPECT_EQ(fetchSummary(state, Milliseconds(13'900)),
            "fetched 1,234 messages, 45.2 MiB in 13 s; 11,111 were there already");
  EXPECT_EQ(fetchLeftOff(state),
            "1,234 of 12,345 messages, 45.2 MiB of 1.2 GiB, are fetched; the same command goes on "
            "from there");
  state.progress.messages = 1;
  state.cached_before = 1;
  state.vanished = 2;
  EXPECT_EQ(fetchSummary(state, Milliseconds(61'000)),
            "fetched 1 message, 45.2 MiB in 1 min 1 s; 1 was there already; 2 went away meanwhile");
  state.phase = FetchPhase::listing;
  state.listed = 3;
  EXPECT_EQ(fetchLeftOff(state), "3 messages listed; the same command goes on from there");
}

TEST(FetchList, PathsBelowOthersAreLeftOut) {
  using Paths = std::vector<std::string>;
  EXPECT_EQ(withoutNested({"/m/a/b", "/m/a", "/m/ab", "/m/a/c"}), (Paths{"/m/a", "/m/ab"}));
  EXPECT_EQ(withoutNested({"/m/a", "/m/a"}), (Paths{"/m/a"}));
  EXPECT_EQ(withoutNested({"/x", "/"}), (Paths{"/"}));
}

}  // namespace
}  // namespace emlfs::app
