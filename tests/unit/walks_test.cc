// What is taken for a walk over a directory, and what is fetched for it.
#include "account/walks.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <set>

#include "support/cache_samples.h"
#include "unit/cache_fixture.h"

namespace emlfs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class WalksTest : public CacheTest {
 protected:
  // The names are in another order than the UIDs.
  void fill(Uid count, uint64_t size) {
    update([&](auto& change) {
      change.putMailbox(test::sampleMailbox(1, "A"));
      for (Uid uid = 1; uid <= count; ++uid) {
        auto message = test::sampleMessage(100 + uid, test::mailboxId(1), uid);
        message.name = nameOf(uid);
        message.size = size;
        change.putMessage(message);
      }
    });
  }
  static std::string nameOf(Uid uid) { return fmt::format("{:05}.eml", uid * 7919 % 10'007); }
  std::vector<Uid> byName() const {
    std::vector<Uid> uids;
    cache_->snapshot()->byName(test::mailboxId(1), {}, [&](const store::MessageRecord& message) {
      uids.push_back(message.uid);
      return true;
    });
    return uids;
  }
  // As listed, the other way round, and by name.
  std::vector<std::vector<Uid>> orders(Uid count) const {
    std::vector<Uid> up(count);
    for (Uid uid = 1; uid <= count; ++uid) up[uid - 1] = uid;
    return {up, {up.rbegin(), up.rend()}, byName()};
  }
  std::vector<Uid> read(Uid uid) {
    const auto snapshot = cache_->snapshot();
    const auto message = snapshot->message(MessageId{100 + uid});
    const auto ahead = walks_.begins(*snapshot, *message, [&](MessageId id) {
      return cached_.contains(static_cast<Uid>(id.value - 100));
    });
    to_the_end_ = ahead.to_the_end;
    given_.clear();
    for (const auto each : ahead.cached) given_.push_back(static_cast<Uid>(each.value - 100));
    std::vector<Uid> uids;
    for (const auto& each : ahead.messages) uids.push_back(each.uid);
    return uids;
  }
  // All of them in this order: what was fetched before it was read, and how much at most that was
  // not read in the end.
  struct Walked {
    size_t ahead = 0;
    size_t asked_for = 0;
    size_t commands = 0;
    size_t most_unread = 0;
  };
  Walked walk(const std::vector<Uid>& order) {
    Walked walked;
    std::set<Uid> fetched;
    std::set<Uid> seen;
    for (const Uid uid : order) {
      walked.ahead += fetched.contains(uid) ? 1 : 0;
      seen.insert(uid);
      const auto next = read(uid);
      walked.asked_for += next.size();
      walked.commands += next.empty() ? 0 : 1;
      fetched.insert(next.begin(), next.end());
      size_t unread = 0;
      for (const Uid each : fetched) unread += seen.contains(each) ? 0 : 1;
      walked.most_unread = std::max(walked.most_unread, unread);
    }
    return walked;
  }

  // The same, of who reads through the kernel, which has been given what is cached.
  struct Given {
    size_t reads = 0;  // that came through
    size_t given = 0;
    bool twice = false;
    size_t most_unread = 0;
  };
  Given walkCached(const std::vector<Uid>& order) {
    for (const Uid uid : order) cached_.insert(uid);
    Given walked;
    std::set<Uid> kernel;
    size_t seen = 0;
    for (const Uid uid : order) {
      if (kernel.contains(uid)) {
        ++seen;
        continue;
      }
      ++walked.reads;
      EXPECT_THAT(read(uid), IsEmpty());
      for (const Uid each : given_) walked.twice |= !kernel.insert(each).second;
      walked.most_unread = std::max(walked.most_unread, kernel.size() - seen);
    }
    walked.given = kernel.size();
    return walked;
  }

  Walks walks_;
  std::set<Uid> cached_;
  std::vector<Uid> given_;  // to the kernel, after the last read()
  bool to_the_end_ = false;
};

// Directories 1 to `count` beside each other, with messages 1'000 * directory + UID.
class TreeWalksTest : public CacheTest {
 protected:
  void fill(uint64_t count, Uid messages, uint64_t incomplete = 0) {
    update([&](auto& change) {
      for (uint64_t directory = 1; directory <= count; ++directory) {
        auto mailbox = test::sampleMailbox(directory, fmt::format("D{}", directory));
        mailbox.state.complete = directory != incomplete;
        change.putMailbox(mailbox);
        for (Uid uid = 1; uid <= messages; ++uid) {
          auto message =
              test::sampleMessage(1'000 * directory + uid, test::mailboxId(directory), uid);
          message.name = fmt::format("{:05}.eml", uid);
          message.size = 5'000;
          change.putMessage(message);
        }
      }
    });
  }
  std::set<uint64_t> read(uint64_t directory, Uid uid) {
    const auto snapshot = cache_->snapshot();
    const auto message = snapshot->message(MessageId{1'000 * directory + uid});
    std::set<uint64_t> directories;
    for (const auto& each :
         walks_.begins(*snapshot, *message, [](MessageId) { return false; }).messages) {
      EXPECT_TRUE(asked_.insert(each.id.value).second) << "twice";
      directories.insert(each.id.value / 1'000);
    }
    return directories;
  }
  void readAll(uint64_t directory, Uid messages) {
    for (Uid uid = 1; uid <= messages; ++uid) read(directory, uid);
  }

  Walks walks_;
  std::set<uint64_t> asked_;
};

TEST_F(TreeWalksTest, WhoGoesOnAsExpectedFindsTheNextOnesThere) {
  fill(10, 20);
  readAll(1, 20);
  EXPECT_EQ(asked_.lower_bound(2'000), asked_.end()) << "one directory is no walk through the tree";
  EXPECT_THAT(read(2, 1), testing::Contains(3U)) << "256 KiB are more than the second has";
  for (Uid uid = 2; uid <= 20; ++uid) read(2, uid);
  for (uint64_t directory = 3; directory <= 10; ++directory) {
    EXPECT_TRUE(asked_.contains(1'000 * directory + 1)) << directory;
    readAll(directory, 20);
  }
  EXPECT_EQ(asked_.upper_bound(10'000), asked_.find(10'001)) << "to the last";
}

// As rg does: each takes the next directory, from the last one on, and reads it backwards.
TEST_F(TreeWalksTest, TwoThreadsThatShareTheDirectories) {
  constexpr uint64_t kDirectories = 12;
  constexpr Uid kMessages = 30;
  fill(kDirectories, kMessages);
  uint64_t next = kDirectories;
  struct Thread {
    uint64_t directory = 0;
    Uid left = 0;
  };
  Thread threads[2];
  size_t ahead = 0;
  for (size_t turn = 0; turn < kDirectories * kMessages; ++turn) {
    Thread& thread = threads[turn % 2];
    if (thread.left == 0) thread = {next--, kMessages};
    ahead += asked_.contains(1'000 * thread.directory + thread.left) ? 1 : 0;
    read(thread.directory, thread.left--);
  }
  // The two begin with two directories of which nobody knows anything.
  EXPECT_GE(ahead, (kDirectories - 2) * kMessages);
}

TEST_F(TreeWalksTest, WhoGoesElsewhereIsNotFollowed) {
  fill(10, 20);
  readAll(1, 20);
  readAll(5, 20);
  EXPECT_EQ(asked_.upper_bound(6'000), asked_.end());
  readAll(3, 20);
  EXPECT_FALSE(asked_.contains(4'001));
}

TEST_F(TreeWalksTest, OnlyWhatIsListed) {
  fill(5, 20, 4);
  for (const uint64_t directory : {1U, 2U, 3U}) readAll(directory, 20);
  EXPECT_EQ(asked_.upper_bound(4'000), asked_.end()) << "what comes behind it is not known";
}

TEST_F(TreeWalksTest, NoMoreThanTheWindow) {
  fill(100, 5);
  for (uint64_t directory = 1; directory <= 100; ++directory) {
    readAll(directory, 5);
    const auto read_so_far = directory * 5;
    EXPECT_LE(asked_.size(), read_so_far + (8U << 20) / 5'000);
    EXPECT_LE(asked_.empty() ? 0 : *asked_.rbegin() / 1'000, directory + 17);
  }
}

TEST_F(TreeWalksTest, ManyDirectoriesOfWhichNothingIsKept) {
  fill(300, 3);
  for (uint64_t directory = 300; directory > 0; --directory) readAll(directory, 3);
  for (uint64_t directory = 1; directory <= 300; ++directory) {
    walks_.begins(*cache_->snapshot(),
                  *cache_->snapshot()->message(MessageId{1'000 * directory + 1}),
                  [](MessageId) { return true; });
  }
}

TEST_F(WalksTest, ThirdInARowIsAWalk) {
  fill(100, 100'000);
  EXPECT_THAT(read(1), IsEmpty());
  EXPECT_THAT(read(2), IsEmpty());
  EXPECT_THAT(read(3), ElementsAre(4, 5, 6));  // 256 KiB
  EXPECT_THAT(read(3), IsEmpty()) << "once more the same";
  EXPECT_THAT(read(4), ElementsAre(7, 8, 9, 10)) << "twice as much, as it is used";
}

TEST_F(WalksTest, AnyOfTheThreeOrders) {
  fill(2'000, 5'000);
  for (const auto& order : orders(2'000)) {
    SCOPED_TRACE(order[0]);
    walks_ = Walks();
    const auto walked = walk(order);
    EXPECT_GE(walked.ahead, 1'990U);
    EXPECT_EQ(walked.asked_for, walked.ahead) << "nothing twice, nothing in vain";
    EXPECT_LE(walked.commands, 20U);
    EXPECT_LE(walked.most_unread * 5'000, (size_t{8} << 20) + 5'000);
  }
}

TEST_F(WalksTest, ASlowLineIsAskedForLess) {
  fill(2'000, 5'000);
  walks_.limitWindow(1 << 20);
  const auto walked = walk(orders(2'000)[0]);
  EXPECT_GE(walked.ahead, 1'990U);
  EXPECT_LE(walked.most_unread * 5'000, (size_t{1} << 20) + 5'000);
  walks_ = Walks();
  walks_.limitWindow(0);
  EXPECT_LE(walk(orders(2'000)[0]).most_unread * 5'000, (size_t{256} << 10) + 5'000);
}

TEST_F(WalksTest, OneOrderAfterTheOther) {
  fill(1'000, 5'000);
  std::vector<Uid> up(1'000);
  for (Uid uid = 1; uid <= 1'000; ++uid) up[uid - 1] = uid;
  walk(up);
  EXPECT_GE(walk(byName()).asked_for, 900U);
}

// Two threads of one program: a little out of order.
TEST_F(WalksTest, TwoReadersOfOneWalk) {
  fill(1'000, 5'000);
  std::vector<Uid> order(1'000);
  for (Uid uid = 1; uid <= 1'000; ++uid) order[uid - 1] = uid;
  for (size_t i = 0; i + 1 < order.size(); i += 3) std::swap(order[i], order[i + 1]);
  EXPECT_GE(walk(order).ahead, 950U);
}

TEST_F(WalksTest, ReadingHereAndThereIsNone) {
  fill(2'000, 5'000);
  std::vector<Uid> order;
  for (Uid i = 0; i < 500; ++i) order.push_back(i * 761 % 2'000 + 1);
  EXPECT_EQ(walk(order).asked_for, 0U);
}

// grep -r, when it comes to the next directory.
TEST_F(WalksTest, TheNextDirectoryIsReadAheadFromItsFirstMessage) {
  fill(50, 5'000);
  update([](auto& change) {
    change.putMailbox(test::sampleMailbox(2, "B"));
    for (Uid uid = 1; uid <= 20; ++uid) {
      auto message = test::sampleMessage(300 + uid, test::mailboxId(2), uid);
      message.name = nameOf(uid);
      message.size = 5'000;
      change.putMessage(message);
    }
  });
  for (const Uid first : {2U, 1U}) {
    SCOPED_TRACE(first);
    walks_ = Walks();
    for (Uid uid = 1; uid <= 50; ++uid) read(uid);
    EXPECT_EQ(read(200 + first).size(), first == 1 ? 19U : 0U);
  }
  walks_ = Walks();
  for (Uid uid = 1; uid <= 20; ++uid) read(uid);
  EXPECT_THAT(read(201), IsEmpty()) << "the first one was not read to its end";
}

TEST_F(WalksTest, AnotherMessageInBetweenIsNoEnd) {
  fill(2'000, 5'000);
  for (const Uid uid : {1U, 2U, 3U, 1'990U, 4U, 5U}) read(uid);
  std::vector<Uid> rest;
  for (Uid uid = 6; uid <= 1'900; ++uid) rest.push_back(uid);
  EXPECT_GE(walk(rest).asked_for, 1'500U);
}

TEST_F(WalksTest, WhatIsCachedIsPassedOver) {
  fill(100, 5'000);
  for (Uid uid = 1; uid <= 10; ++uid) cached_.insert(uid);
  for (Uid uid = 1; uid <= 2; ++uid) EXPECT_THAT(read(uid), IsEmpty());
  const auto next = read(3);
  ASSERT_FALSE(next.empty());
  EXPECT_EQ(next.front(), 11U);
}

TEST_F(WalksTest, WhatIsCachedIsGivenToTheKernelButForAFewThatTellHowFarItCame) {
  fill(2'000, 5'000);
  for (const auto& order : orders(2'000)) {
    SCOPED_TRACE(order[0]);
    walks_ = Walks();
    const auto walked = walkCached(order);
    EXPECT_LE(walked.reads, 20U);
    EXPECT_EQ(walked.given + walked.reads, 2'000U) << "nothing in vain";
    EXPECT_FALSE(walked.twice);
    EXPECT_LE(walked.most_unread * 5'000, (size_t{8} << 20) + 5'000);
  }
}

TEST_F(WalksTest, WhoStopsIsGivenNoMore) {
  fill(2'000, 5'000);
  for (Uid uid = 1; uid <= 2'000; ++uid) cached_.insert(uid);
  for (const Uid uid : {1U, 2U, 3U}) read(uid);
  EXPECT_LE(given_.size() * 5'000, size_t{256} << 10);
  read(4);
  EXPECT_THAT(given_, IsEmpty()) << "what came before is not used yet";
}

TEST_F(WalksTest, LargeOnesAreNotGiven) {
  fill(8, 3'000'000);
  const auto walked = walkCached({1, 2, 3, 4, 5, 6, 7, 8});
  EXPECT_EQ(walked.given, 0U);
}

// Who reads the beginnings only, as thumbnailers do, gets no more of them.
TEST_F(WalksTest, LargeOnesToTheirEndForThoseWhoReadSo) {
  fill(20, 3'000'000);
  for (const Uid uid : {1U, 2U, 3U}) read(uid);
  EXPECT_FALSE(to_the_end_);
  read(4);
  const uint64_t piece = Walks::kLarge / 2;
  walks_.goesOn(MessageId{104}, 2'900'000, 4'096);
  walks_.goesOn(MessageId{104}, piece, piece);
  read(5);
  EXPECT_FALSE(to_the_end_) << "only the end, and what the kernel reads with the beginning";
  for (uint64_t offset = piece; offset < 4 * piece; offset += piece)
    walks_.goesOn(MessageId{105}, offset, piece);
  read(6);
  EXPECT_TRUE(to_the_end_);
  for (const uint64_t offset : {2 * piece, piece, 3 * piece})
    walks_.goesOn(MessageId{106}, offset, piece);
  read(7);
  EXPECT_TRUE(to_the_end_);
  read(8);  // 7 was left at its beginning
  EXPECT_FALSE(to_the_end_);
}

}  // namespace
}  // namespace emlfs
