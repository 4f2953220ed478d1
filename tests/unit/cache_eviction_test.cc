// Which bodies go when room is made, and that nobody else notices.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "emlfs/base/clock.h"
#include "emlfs/store/cache.h"
#include "support/cache_check.h"
#include "support/cache_samples.h"
#include "support/scratch_dir.h"

namespace emlfs {
namespace {

using store::Cache;
using test::mailboxId;
using test::sampleMailbox;
using test::sampleMessage;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr size_t kBody = 1000;
bool always() {
  return true;
}

class CacheEviction : public testing::Test {
 protected:
  CacheEviction() {
    auto update = cache_->begin();
    update->putMailbox(sampleMailbox(2, "a"));
    for (Uid uid = 1; uid <= 10; ++uid)
      update->putMessage(sampleMessage(10 + uid, mailboxId(2), uid));
    update->commit();
  }
  void TearDown() override {
    cache_.reset();
    EXPECT_THAT(test::checkCache(dir_.path()), IsEmpty());
  }

  void put(Uid uid, size_t bytes = kBody, uint32_t chunk = 0) {
    auto update = cache_->begin();
    update->putChunk(MessageId{10 + uid}, chunk, std::string(bytes, 'b'));
    update->commit();
  }
  void use(Uid uid) {
    cache_->used(MessageId{10 + uid});
    cache_->noteUses();
  }
  std::vector<Uid> cached() {
    auto snapshot = cache_->snapshot();
    std::vector<Uid> uids;
    for (Uid uid = 1; uid <= 10; ++uid)
      if (snapshot->cachedBytes(MessageId{10 + uid}) > 0) uids.push_back(uid);
    return uids;
  }

  test::ScratchDir dir_;
  std::unique_ptr<Cache> cache_ = Cache::open(dir_.path(), Milliseconds(0));
};

TEST_F(CacheEviction, TheOldestBodyGoesFirst) {
  for (Uid uid : {3, 1, 4, 2}) put(uid);
  EXPECT_EQ(cache_->evict(4 * kBody, always), 0u);
  EXPECT_EQ(cache_->evict(3 * kBody, always), kBody);
  EXPECT_THAT(cached(), ElementsAre(1, 2, 4));
  EXPECT_EQ(cache_->evict(1 * kBody + 1, always), 2 * kBody);
  EXPECT_THAT(cached(), ElementsAre(2));
  EXPECT_EQ(cache_->evict(0, always), kBody);
  EXPECT_THAT(cached(), IsEmpty());
  EXPECT_EQ(cache_->size().messages, 10u);
  EXPECT_EQ(cache_->evict(0, always), 0u);
}

TEST_F(CacheEviction, WhatWasUsedLastGoesLast) {
  for (Uid uid : {1, 2, 3}) put(uid);
  use(1);
  cache_->used(MessageId{12});  // noted by evict() itself
  cache_->evict(2 * kBody, always);
  EXPECT_THAT(cached(), ElementsAre(1, 2));
  cache_->evict(1 * kBody, always);
  EXPECT_THAT(cached(), ElementsAre(2));
}

TEST_F(CacheEviction, WhatWasUsedSurvivesARestart) {
  for (Uid uid : {1, 2}) put(uid);
  use(1);
  cache_.reset();
  cache_ = Cache::open(dir_.path());
  cache_->evict(kBody, always);
  EXPECT_THAT(cached(), ElementsAre(1));
}

TEST_F(CacheEviction, AUseSoonAfterTheLastIsNotNoted) {
  cache_.reset();
  cache_ = Cache::open(dir_.path());
  for (Uid uid : {1, 2}) put(uid);
  use(1);
  cache_->evict(kBody, always);
  EXPECT_THAT(cached(), ElementsAre(2));
}

TEST_F(CacheEviction, AUseOfWhatIsNotThereIsNothing) {
  put(1);
  use(2);
  use(77);
  auto update = cache_->begin();
  update->removeMessage(MessageId{11});
  update->commit();
  use(1);
  EXPECT_EQ(cache_->size().bodies, 0u);
}

TEST_F(CacheEviction, MoreUsesThanAreRemembered) {
  put(1);
  for (uint64_t id = 100; id < 200'000; ++id) cache_->used(MessageId{id});
  use(1);
  EXPECT_THAT(cached(), ElementsAre(1));
}

TEST_F(CacheEviction, OfALargeBodyGoesWhatIsNeededFromItsEnd) {
  for (uint32_t chunk : {0, 1, 2, 7}) put(1, kBody, chunk);
  put(2);
  EXPECT_EQ(cache_->evict(4 * kBody, always), kBody);
  EXPECT_EQ(cache_->evict(3 * kBody - 1, always), 2 * kBody);
  EXPECT_THAT(cached(), ElementsAre(1, 2));
  EXPECT_EQ(cache_->size().bodies, 2u);
  EXPECT_TRUE(cache_->snapshot()->chunk(MessageId{11}, 0));
  EXPECT_FALSE(cache_->snapshot()->chunk(MessageId{11}, 1));
  EXPECT_EQ(cache_->evict(kBody, always), kBody);
  EXPECT_THAT(cached(), ElementsAre(2));
  EXPECT_EQ(cache_->size().bodies, 1u);
}

TEST_F(CacheEviction, ABodyThatIsWrittenAgainCountsAgain) {
  for (Uid uid : {1, 2}) put(uid);
  cache_->evict(kBody, always);
  put(1);
  cache_->evict(kBody, always);
  EXPECT_THAT(cached(), ElementsAre(1));
}

TEST_F(CacheEviction, RemovedAndMovedMessagesStayConsistent) {
  for (Uid uid : {1, 2, 3}) put(uid);
  {
    auto update = cache_->begin();
    update->putMailbox(sampleMailbox(3, "b"));
    update->putMessage(sampleMessage(12, mailboxId(3), 1));
    update->removeMessage(MessageId{11});
    update->commit();
  }
  cache_->evict(kBody, always);
  EXPECT_THAT(cached(), ElementsAre(3));
  auto update = cache_->begin();
  update->removeMailbox(mailboxId(2));
  update->commit();
  EXPECT_EQ(cache_->size().bodies, 0u);
}

TEST_F(CacheEviction, EndsWhenItIsTold) {
  for (Uid uid : {1, 2, 3}) put(uid);
  EXPECT_EQ(cache_->evict(0, [] { return false; }), 0u);
  EXPECT_THAT(cached(), ElementsAre(1, 2, 3));
}

TEST_F(CacheEviction, WhatWentIsReused) {
  for (int round = 0; round < 40; ++round) {
    for (Uid uid = 1; uid <= 10; ++uid) put(uid, store::kChunkBytes);
    cache_->evict(2 * store::kChunkBytes, always);
  }
  const store::CacheSize size = cache_->size();
  EXPECT_LT(size.file_bytes, 24 * store::kChunkBytes);
  EXPECT_GT(size.free_bytes, 7 * store::kChunkBytes);
  EXPECT_LT(size.free_bytes + size.body_bytes, size.file_bytes);
}

// A writer gets its turn in the middle of a long eviction, and readers see whole chunks or none.
TEST(CacheEvictionThreads, OthersGoOnMeanwhile) {
  constexpr Uid kBodies = 4'000;
  constexpr Milliseconds kPatience{2'000};  // sanitizers are slow
  test::ScratchDir dir;
  auto cache = Cache::open(dir.path(), Milliseconds(0));
  const auto content = [](Uid uid) {
    return std::string(5'000, static_cast<char>('a' + uid % 26));
  };
  {
    auto update = cache->begin();
    update->putMailbox(sampleMailbox(2, "a"));
    for (Uid uid = 1; uid <= kBodies; ++uid) {
      update->putMessage(sampleMessage(10 + uid, mailboxId(2), uid));
      update->putChunk(MessageId{10 + uid}, 0, content(uid));
    }
    update->commit();
  }
  std::atomic<bool> done = false;
  std::atomic<int> wrong = 0;
  std::atomic<int> written = 0;
  std::vector<std::thread> others;
  for (int i = 0; i < 2; ++i) {
    others.emplace_back([&] {
      for (Uid uid = 1; !done; uid = uid % kBodies + 1) {
        auto snapshot = cache->snapshot();
        auto chunk = snapshot->chunk(MessageId{10 + uid}, 0);
        if (chunk && *chunk != content(uid)) ++wrong;
        cache->used(MessageId{10 + uid});
      }
    });
    others.emplace_back([&, i] {
      for (Uid uid = static_cast<Uid>(i) + 1; !done; uid = (uid + 37) % kBodies + 1) {
        const Deadline patience = Deadline::after(kPatience);
        auto update = cache->begin();
        if (patience.passed()) ++wrong;
        update->putChunk(MessageId{10 + uid}, 0, content(uid));
        update->commit();
        ++written;
      }
    });
  }
  uint64_t gone = 0;
  uint64_t bytes = cache->size().body_bytes;
  for (int round = 0; round < 20; ++round) {
    bytes -= bytes / 5;
    gone += cache->evict(bytes, always);
  }
  while (written < 20) std::this_thread::yield();
  done = true;
  for (std::thread& other : others) other.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(gone, kBodies * 5'000 / 2);
  cache.reset();
  EXPECT_THAT(test::checkCache(dir.path()), IsEmpty());
}

}  // namespace
}  // namespace emlfs
