// What `emlfs cache` does, also beside a daemon that writes.
#include "emlfs/store/maintenance.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "emlfs/base/error.h"
#include "emlfs/base/file.h"
#include "emlfs/store/cache.h"
#include "support/cache_check.h"
#include "support/cache_samples.h"
#include "support/child.h"
#include "support/scratch_dir.h"

namespace emlfs {
namespace {

using store::Cache;
using test::mailboxId;
using test::sampleMailbox;
using test::sampleMessage;
using testing::IsEmpty;
using testing::Not;

constexpr size_t kBody = 10'000;
constexpr Uid kBodies = 50;
void ignore(uint64_t /*bytes*/) {}

class CacheMaintenance : public testing::Test {
 protected:
  void fill() {
    auto cache = Cache::open(dir_.path());
    auto update = cache->begin();
    update->putMailbox(sampleMailbox(2, "a"));
    auto level = sampleMailbox(3, "a level that is none");
    level.selectable = false;
    update->putMailbox(level);
    for (Uid uid = 1; uid <= kBodies; ++uid) {
      update->putMessage(sampleMessage(10 + uid, mailboxId(2), uid));
      std::string body = "body " + std::to_string(uid) + ".";
      body.resize(kBody, 'b');
      update->putChunk(MessageId{10 + uid}, 0, body);
    }
    update->commit();
  }
  void flip(const std::string& text) {
    std::ifstream in(file_, std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(in), {});
    const Fd file(::open(file_.c_str(), O_WRONLY | O_CLOEXEC));
    // LMDB leaves older copies.
    for (size_t at = 0; (at = bytes.find(text, at)) != std::string::npos; ++at) {
      const char flipped = static_cast<char>(bytes[at] ^ 1);
      ASSERT_EQ(::pwrite(file.get(), &flipped, 1, static_cast<off_t>(at)), 1);
    }
  }

  test::ScratchDir dir_;
  const std::string file_ = dir_ / "cache.mdb";
};

TEST_F(CacheMaintenance, NoCacheIsNoError) {
  EXPECT_EQ(store::cacheSize(dir_ / "none"), std::nullopt);
  EXPECT_EQ(store::verify(dir_ / "none", ignore).values, 0u);
  EXPECT_EQ(store::prune(dir_ / "none", 0), 0u);
  store::clear(dir_ / "none");
  EXPECT_FALSE(std::filesystem::exists(dir_ / "none"));
}

TEST_F(CacheMaintenance, SizeIsTheCaches) {
  fill();
  const auto size = store::cacheSize(dir_.path());
  ASSERT_TRUE(size);
  EXPECT_EQ(size->bodies, kBodies);
  EXPECT_EQ(size->body_bytes, kBodies * kBody);
  EXPECT_EQ(size->messages, kBodies);
  EXPECT_EQ(size->mailboxes, 1u);
  EXPECT_GT(size->file_bytes, kBodies * kBody);
}

TEST_F(CacheMaintenance, VerifyReadsEverything) {
  fill();
  uint64_t last = 0;
  const auto verified = store::verify(dir_.path(), [&](uint64_t bytes) { last = bytes; });
  EXPECT_EQ(verified.first_damage, "");
  EXPECT_EQ(verified.damaged_chunks, 0u);
  EXPECT_FALSE(verified.condemned);
  EXPECT_GT(verified.values, 4 * kBodies);  // record, name, UID, body of each
  EXPECT_GT(verified.bytes, kBodies * kBody);
  EXPECT_EQ(last, verified.bytes);
}

TEST_F(CacheMaintenance, VerifyRemovesDamagedChunks) {
  fill();
  flip("body 7.");
  const auto verified = store::verify(dir_.path(), ignore);
  EXPECT_EQ(verified.damaged_chunks, 1u);
  EXPECT_FALSE(verified.condemned);
  EXPECT_THAT(verified.first_damage, Not(IsEmpty()));
  EXPECT_EQ(store::verify(dir_.path(), ignore).damaged_chunks, 0u);
  EXPECT_THAT(test::checkCache(dir_.path()), IsEmpty());
  EXPECT_EQ(Cache::open(dir_.path())->size().bodies, kBodies - 1);
}

TEST_F(CacheMaintenance, VerifyCondemnsOtherDamage) {
  fill();
  flip("<17@example.org>");
  const auto verified = store::verify(dir_.path(), ignore);
  EXPECT_TRUE(verified.condemned);
  EXPECT_THAT(verified.first_damage, Not(IsEmpty()));
  EXPECT_TRUE(std::filesystem::exists(file_));
  EXPECT_THROW(store::prune(dir_.path(), 0), Error);
  EXPECT_THROW(store::cacheSize(dir_.path()), Error);
  EXPECT_EQ(Cache::open(dir_.path())->size().messages, 0u);
  EXPECT_TRUE(std::filesystem::exists(file_ + ".damaged"));
}

TEST_F(CacheMaintenance, GarbageIsDamage) {
  for (size_t size : {1, 5000, 100'000}) {
    std::ofstream(file_, std::ios::trunc) << std::string(size, 'x');
    EXPECT_THROW(store::cacheSize(dir_.path()), Error);
    EXPECT_THROW(store::prune(dir_.path(), 0), Error);
    EXPECT_TRUE(store::verify(dir_.path(), ignore).condemned);
    std::filesystem::remove(file_ + ".condemned");
  }
}

TEST_F(CacheMaintenance, PruneKeepsWhatFits) {
  fill();
  EXPECT_EQ(store::prune(dir_.path(), kBodies * kBody), 0u);
  EXPECT_EQ(store::prune(dir_.path(), 20 * kBody), (kBodies - 20) * kBody);
  EXPECT_EQ(store::cacheSize(dir_.path())->bodies, 20u);
  EXPECT_EQ(store::cacheSize(dir_.path())->messages, kBodies);
  EXPECT_THAT(test::checkCache(dir_.path()), IsEmpty());
}

TEST_F(CacheMaintenance, ClearRemovesTheFilesAndNoOthers) {
  fill();
  std::ofstream(dir_ / "lock") << "x";
  std::ofstream(file_ + ".damaged") << "x";
  std::ofstream(file_ + ".condemned") << "x";
  store::clear(dir_.path());
  std::vector<std::string> left;
  for (const auto& entry : std::filesystem::directory_iterator(dir_.path()))
    left.push_back(entry.path().filename());
  EXPECT_THAT(left, testing::ElementsAre("lock"));
  EXPECT_EQ(Cache::open(dir_.path())->size().messages, 0u);
}

TEST_F(CacheMaintenance, WorksBesideADaemon) {
  fill();
  test::Child daemon([&](int fd) {
    auto cache = Cache::open(dir_.path());
    for (Uid round = 0;; ++round) {
      auto update = cache->begin();
      const Uid uid = round % kBodies + 1;
      update->putChunk(MessageId{10 + uid}, round % 3, std::string(kBody, 'd'));
      auto record = sampleMessage(10 + uid, mailboxId(2), uid);
      record.modseq = round;
      update->putMessage(record);
      update->commit();
      if (round % 40 == 0) cache->evict(kBodies * kBody, [] { return true; });
      if (::write(fd, "r", 1) != 1) return;
    }
  });
  for (int round = 0; round < 20; ++round) {
    ASSERT_EQ(daemon.read(5).size(), 5u);
    const auto verified = store::verify(dir_.path(), ignore);
    EXPECT_EQ(verified.first_damage, "");
    EXPECT_EQ(store::cacheSize(dir_.path())->messages, kBodies);
    store::prune(dir_.path(), (kBodies - static_cast<Uid>(round)) * kBody);
  }
  ASSERT_EQ(daemon.read(5).size(), 5u);
  daemon.kill();
  EXPECT_THAT(test::checkCache(dir_.path()), IsEmpty());
  EXPECT_EQ(Cache::open(dir_.path())->size().messages, kBodies);
}

}  // namespace
}  // namespace emlfs
