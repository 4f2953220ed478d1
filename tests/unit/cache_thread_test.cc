// Many threads read while one writes: each sees one committed state or another, never between.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "emlfs/store/cache.h"
#include "support/cache_check.h"
#include "support/cache_samples.h"
#include "support/scratch_dir.h"

namespace emlfs {
namespace {

using test::mailboxId;
using test::sampleMessage;

TEST(CacheThreads, ReadersSeeWholeTransactions) {
  constexpr Uid kRounds = 200;
  constexpr Uid kEach = 5;
  test::ScratchDir dir;
  auto cache = store::Cache::open(dir.path());
  {
    auto update = cache->begin();
    update->putMailbox(test::sampleMailbox(2, "a"));
    update->putSetting("round", "0");
    update->commit();
  }
  std::atomic<bool> done = false;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      while (!done) {
        auto snapshot = cache->snapshot();
        Uid round = static_cast<Uid>(std::stoul(snapshot->setting("round").value()));
        Uid seen = 0;
        snapshot->messages(mailboxId(2), 0, [&](const store::MessageRecord& record) {
          if (record.uid != ++seen) ++wrong;
          auto body = snapshot->chunk(record.id, 0);
          if (body != std::to_string(record.uid)) ++wrong;
          return true;
        });
        if (seen != round * kEach) ++wrong;
        if (cache->size().messages < seen) ++wrong;
      }
    });
  }
  // Two writers take turns through begin().
  std::atomic<Uid> rounds = 0;
  auto write = [&] {
    while (true) {
      auto update = cache->begin();
      Uid round = rounds;
      if (round == kRounds) return;
      for (Uid uid = round * kEach + 1; uid <= (round + 1) * kEach; ++uid) {
        update->putMessage(sampleMessage(10 + uid, mailboxId(2), uid));
        update->putChunk(MessageId{10 + uid}, 0, std::to_string(uid));
      }
      update->putSetting("round", std::to_string(round + 1));
      rounds = round + 1;
      update->commit();
    }
  };
  std::thread other(write);
  write();
  other.join();
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(cache->size().messages, kRounds * kEach);
  cache.reset();
  EXPECT_EQ(test::checkCache(dir.path()), std::vector<std::string>{});
}

}  // namespace
}  // namespace emlfs
