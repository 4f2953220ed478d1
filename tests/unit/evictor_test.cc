#include "account/evictor.h"

#include <gtest/gtest.h>

#include <atomic>

#include "emlfs/base/error.h"
#include "support/cache_samples.h"
#include "support/eventually.h"
#include "support/scratch_dir.h"

namespace emlfs {
namespace {

using store::Cache;
using store::CacheSize;
using test::eventually;

constexpr size_t kBody = 100'000;
constexpr DiskSpace kRoomy{uint64_t{1} << 40, uint64_t{1} << 41};
constexpr DiskSpace kFull{0, uint64_t{1} << 41};

class EvictorTest : public testing::Test {
 protected:
  void put(Uid from, Uid to) {
    auto update = cache_->begin();
    update->putMailbox(test::sampleMailbox(2, "a"));
    for (Uid uid = from; uid <= to; ++uid) {
      update->putMessage(test::sampleMessage(10 + uid, test::mailboxId(2), uid));
      update->putChunk(MessageId{10 + uid}, 0, std::string(kBody, 'b'));
    }
    update->commit();
  }
  uint64_t bodyBytes() const { return cache_->size().body_bytes; }

  test::ScratchDir dir_;
  std::unique_ptr<Cache> cache_ = Cache::open(dir_.path());
};

TEST_F(EvictorTest, KeepsTheLimit) {
  put(1, 30);
  Evictor evictor(*cache_, 20 * kBody, [] { return kRoomy; });
  evictor.start();
  EXPECT_TRUE(eventually([&] { return bodyBytes() == 18 * kBody; }));
  put(31, 32);
  evictor.poke();  // 20: not above it
  put(33, 40);
  evictor.poke();
  EXPECT_TRUE(eventually([&] { return bodyBytes() == 18 * kBody; }));
  EXPECT_TRUE(eventually([&] { return evictor.evictedBytes() == 22 * kBody; }));
  EXPECT_TRUE(cache_->snapshot()->chunk(MessageId{50}, 0));
  EXPECT_FALSE(cache_->snapshot()->chunk(MessageId{11}, 0));
}

TEST_F(EvictorTest, AFullDiskGetsRoomInTheFile) {
  put(1, 40);
  std::atomic<bool> full = false;
  std::atomic<int> asked = 0;
  Evictor evictor(*cache_, 1000 * kBody, [&] {
    ++asked;
    return full ? kFull : kRoomy;
  });
  evictor.start();
  EXPECT_TRUE(eventually([&] { return asked > 0; }));
  EXPECT_EQ(evictor.evictedBytes(), 0u);
  full = true;
  evictor.poke();
  EXPECT_TRUE(eventually([&] { return evictor.evictedBytes() > 0; }));
  const uint64_t before = cache_->size().file_bytes;
  EXPECT_LE(bodyBytes(), 24 * kBody);  // about half
  EXPECT_GE(bodyBytes(), 16 * kBody);
  put(41, 45);
  // Metadata and its copies take a page here and there.
  EXPECT_LE(cache_->size().file_bytes, before + kBody);
  // What is free in the file is enough: the rest stays, however long the disk is full.
  const int then = asked;
  const uint64_t evicted = evictor.evictedBytes();
  evictor.poke();
  EXPECT_TRUE(eventually([&] { return asked > then; }));
  evictor.stop();
  EXPECT_EQ(evictor.evictedBytes(), evicted);
}

TEST_F(EvictorTest, AnErrorEndsNothing) {
  put(1, 10);
  std::atomic<int> asked = 0;
  Evictor evictor(*cache_, 1000 * kBody, [&]() -> DiskSpace {
    if (++asked < 2) throw Error(Code::system, Scope::account, "no disk");
    return kFull;
  });
  evictor.start();
  EXPECT_TRUE(eventually([&] { return asked == 1; }));
  evictor.poke();
  EXPECT_TRUE(eventually([&] { return evictor.evictedBytes() > 0; }));
}

// A cache whose eviction never ends by itself.
class Endless final : public Cache {
 public:
  std::unique_ptr<store::Snapshot> snapshot() const override { return nullptr; }
  std::unique_ptr<store::Update> begin(store::Durability /*durability*/) override {
    return nullptr;
  }
  void sync() override { synced = true; }
  CacheSize size() const override { return CacheSize{.body_bytes = 10}; }
  void used(MessageId /*id*/) override {}
  void noteUses() override { noted = true; }
  uint64_t evict(uint64_t /*bytes*/, const std::function<bool()>& go_on) override {
    evicting = true;
    while (go_on()) std::this_thread::yield();
    return 3;
  }
  uint64_t highestId() const override { return 0; }

  std::atomic<bool> noted = false;
  std::atomic<bool> synced = false;
  std::atomic<bool> evicting = false;
};

TEST(Evictor, StopsInTheMiddle) {
  Endless cache;
  Evictor evictor(cache, 5, [] { return kRoomy; });
  evictor.start();
  EXPECT_TRUE(eventually([&] { return cache.evicting.load(); }));
  EXPECT_TRUE(cache.noted);
  EXPECT_TRUE(cache.synced);
  evictor.stop();
  EXPECT_GE(evictor.evictedBytes(), 3u);
}

TEST(Evictor, SeesTheDisk) {
  test::ScratchDir dir;
  const DiskSpace space = diskSpace(dir.path());
  EXPECT_GT(space.total, 0u);
  EXPECT_LE(space.free, space.total);
  EXPECT_THROW(diskSpace(dir / "none"), Error);
}

}  // namespace
}  // namespace emlfs
