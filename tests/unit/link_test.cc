#include "support/link.h"

#include <gtest/gtest.h>

namespace emlfs::test {
namespace {

using std::chrono::milliseconds;
constexpr Clock::time_point kStart{std::chrono::hours(1)};

TEST(Link, GivesBytesAfterTheDelay) {
  Line line{milliseconds(20)};
  Link link(kStart);
  link.put("abc", line, kStart);
  EXPECT_EQ(link.nextDue(), kStart + milliseconds(20));
  EXPECT_EQ(link.due(kStart + milliseconds(19)), "");
  EXPECT_EQ(link.due(kStart + milliseconds(20)), "abc");
  link.consume(2);
  EXPECT_EQ(link.due(kStart + milliseconds(20)), "c");
  link.consume(1);
  EXPECT_TRUE(link.empty());
}

TEST(Link, DelaysPiecesSideBySide) {
  Line line{milliseconds(20)};
  Link link(kStart);
  for (int piece = 0; piece < 100; ++piece) link.put("x", line, kStart);
  for (int piece = 0; piece < 100; ++piece) {
    EXPECT_EQ(link.due(kStart + milliseconds(20)), "x");
    link.consume(1);
  }
}

TEST(Link, SendsPiecesOfAllConnectionsOneAfterAnotherAtARate) {
  Line line{milliseconds(20), 1000};
  Link one(kStart);
  Link other(kStart);
  one.put(std::string(100, 'x'), line, kStart);
  other.put(std::string(50, 'y'), line, kStart);
  EXPECT_EQ(one.nextDue(), kStart + milliseconds(120));
  EXPECT_EQ(other.nextDue(), kStart + milliseconds(170));
}

TEST(Link, HasRoomForWhatTheLineHolds) {
  const Line fast{milliseconds(0)};
  EXPECT_GE(Link(kStart).room(fast), 65536U);

  Line slow{milliseconds(1000), 1000};
  Link link(kStart);
  size_t queued = 0;
  for (size_t room = 0; (room = link.room(slow)) > 0; queued += room) {
    link.put(std::string(room, 'x'), slow, kStart);
  }
  EXPECT_GE(queued, 1000U);
  EXPECT_LE(queued, 1200U);
}

TEST(Link, EndsAfterItsBytes) {
  Line line{milliseconds(20)};
  Link link(kStart);
  link.put("abc", line, kStart);
  link.putEnd(line, kStart);
  const Clock::time_point later = kStart + milliseconds(20);
  EXPECT_FALSE(link.endDue(later));
  link.consume(3);
  EXPECT_TRUE(link.endDue(later));
  EXPECT_EQ(link.due(later), "");
}

TEST(Link, WaitsForTheConnectionToBeSetUp) {
  Line line{milliseconds(20)};
  Link link(kStart + milliseconds(40));
  link.put("abc", line, kStart);
  EXPECT_EQ(link.nextDue(), kStart + milliseconds(60));
}

}  // namespace
}  // namespace emlfs::test
