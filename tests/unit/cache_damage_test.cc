// A cache file that isn't as it was left: flipped, cut, overwritten, of another version.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <utility>
#include <vector>

#include "emlfs/base/error.h"
#include "emlfs/store/cache.h"
#include "store/tables.h"
#include "support/cache_check.h"
#include "support/cache_samples.h"
#include "support/scratch_dir.h"

namespace emlfs {
namespace {

namespace fs = std::filesystem;
using store::Cache;
using test::mailboxId;
using test::sampleMailbox;
using test::sampleMessage;
using testing::IsEmpty;
using testing::Not;

std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

unsigned mode(const std::string& path) {
  struct stat st{};
  EXPECT_EQ(::stat(path.c_str(), &st), 0) << path;
  return st.st_mode & 0777;
}

class CacheDamage : public testing::Test {
 protected:
  void fill(int messages = 1) {
    auto cache = Cache::open(dir_.path());
    auto update = cache->begin();
    update->putSetting("server", "a-setting-to-find");
    update->putMailbox(sampleMailbox(2, "a"));
    for (int i = 0; i < messages; ++i) {
      MessageId id{10 + static_cast<uint64_t>(i)};
      update->putMessage(sampleMessage(id.value, mailboxId(2), static_cast<Uid>(i + 1)));
      update->putChunk(id, 0, "small-body-to-find");
      update->putChunk(id, 1, std::string(50'000, 'b') + "large-body-to-find");
    }
    update->commit();
  }

  // Flips a bit wherever `text` is: LMDB leaves older copies of a page.
  void flip(const std::string& text) {
    std::string bytes = contents(file_);
    size_t found = 0;
    for (size_t at = 0; (at = bytes.find(text, at)) != std::string::npos; ++found)
      bytes[at++] ^= 0x10;
    ASSERT_GT(found, 0u) << text;
    write(file_, bytes);
  }

  template <class Read>
  void expectDamaged(Read read) {
    auto cache = Cache::open(dir_.path());
    auto snapshot = cache->snapshot();
    try {
      read(*snapshot);
      ADD_FAILURE() << "the damage was not seen";
    } catch (const Error& error) {
      EXPECT_EQ(error.code, Code::damaged);
      EXPECT_EQ(error.scope, Scope::account);
    }
  }

  // Reads everything that fill() wrote. Whatever the file is: wrong data or a signal is a failure.
  enum class Seen { right, refused, made_anew };
  Seen readAll() {
    fs::remove(aside_);
    fs::remove(store::Environment::condemnedPath(file_));
    try {
      auto cache = Cache::open(dir_.path());
      if (fs::exists(aside_)) return Seen::made_anew;
      auto snapshot = cache->snapshot();
      Uid last = 0;
      snapshot->messages(mailboxId(2), 0, [&](const store::MessageRecord& record) {
        EXPECT_EQ(record.uid, ++last);
        EXPECT_EQ(snapshot->chunk(record.id, 0), "small-body-to-find");
        EXPECT_TRUE(snapshot->chunk(record.id, 1).value().ends_with("large-body-to-find"));
        return true;
      });
      EXPECT_EQ(last, cache->size().messages);
    } catch (const Error& error) {
      EXPECT_EQ(error.code, Code::damaged) << error.what();
      return Seen::refused;
    }
    return Seen::right;
  }

  static constexpr size_t kPage = 4096;
  test::ScratchDir scratch_;
  const test::ScratchDir& dir_ = scratch_;
  const std::string file_ = dir_ / "cache.mdb";
  const std::string aside_ = dir_ / "cache.mdb.damaged";
};

TEST_F(CacheDamage, AFlippedBitInABody) {
  fill();
  flip("large-body-to-find");
  expectDamaged([](auto& snapshot) { snapshot.chunk(MessageId{10}, 1); });
  EXPECT_EQ(Cache::open(dir_.path())->snapshot()->chunk(MessageId{10}, 0), "small-body-to-find");
  flip("small-body-to-find");
  expectDamaged([](auto& snapshot) { snapshot.chunk(MessageId{10}, 0); });
}

TEST_F(CacheDamage, ADamagedChunkCanBeWrittenAnew) {
  fill();
  flip("large-body-to-find");
  auto cache = Cache::open(dir_.path());
  auto update = cache->begin();
  update->putChunk(MessageId{10}, 1, "new");
  update->commit();
  EXPECT_EQ(cache->snapshot()->chunk(MessageId{10}, 1), "new");
}

TEST_F(CacheDamage, AFlippedBitInARecord) {
  fill();
  std::string whole = contents(file_);
  flip("<10@example.org>");
  std::string flipped = contents(file_);
  expectDamaged([](auto& snapshot) { snapshot.message(MessageId{10}); });
  // What stays damaged in use is made anew at the next start.
  EXPECT_EQ(Cache::open(dir_.path())->size().messages, 0u);
  EXPECT_EQ(contents(aside_).size(), flipped.size());

  write(file_, flipped);
  expectDamaged([](auto& snapshot) {
    snapshot.messages(mailboxId(2), 0, [](const store::MessageRecord&) { return true; });
  });
  Cache::open(dir_.path());
  write(file_, whole);
  flip("a-setting-to-find");
  expectDamaged([](auto& snapshot) { snapshot.setting("server"); });
}

TEST_F(CacheDamage, ACutFile) {
  fill(100);
  std::string whole = contents(file_);
  for (size_t pages : {1, 2, 3, 4, 6, 10, 50, 200, 1000}) {
    ASSERT_LT(pages * kPage, whole.size());
    write(file_, whole.substr(0, pages * kPage));
    EXPECT_EQ(readAll(), Seen::made_anew) << pages;
  }
  write(file_, whole);
  EXPECT_EQ(readAll(), Seen::right);
}

TEST_F(CacheDamage, ZeroedPages) {
  fill(100);
  std::string whole = contents(file_);
  std::map<Seen, int> seen;
  constexpr size_t kHole = 20;
  for (size_t page = 2; (page + kHole) * kPage <= whole.size(); page += kHole) {
    std::string zeroed = whole;
    zeroed.replace(page * kPage, kHole * kPage, kHole * kPage, '\0');
    write(file_, zeroed);
    ++seen[readAll()];
  }
  EXPECT_GT(seen[Seen::refused], 0);
  EXPECT_EQ(seen[Seen::right], 0);  // a hole is larger than a body
}

TEST_F(CacheDamage, GarbageIsPutAside) {
  for (const std::string& garbage :
       {std::string("x"), std::string(100'000, 'x'), std::string(100'000, '\0')}) {
    fill();
    write(file_, garbage);
    auto cache = Cache::open(dir_.path());
    EXPECT_EQ(cache->size().messages, 0u);
    EXPECT_EQ(contents(aside_), garbage);
    cache.reset();
    EXPECT_THAT(test::checkCache(dir_.path()), IsEmpty());
  }
}

TEST_F(CacheDamage, ACondemnedFileIsPutAside) {
  fill();
  std::string mark = store::Environment::condemnedPath(file_);
  write(mark, "");
  EXPECT_EQ(Cache::open(dir_.path())->size().messages, 0u);
  EXPECT_TRUE(fs::exists(aside_));
  EXPECT_FALSE(fs::exists(mark));
  fill();
  EXPECT_EQ(Cache::open(dir_.path())->size().messages, 1u);
}

TEST_F(CacheDamage, AnotherFormatIsEmptied) {
  fill();
  flip("emlfs cache 1");
  auto cache = Cache::open(dir_.path());
  EXPECT_EQ(cache->size().messages, 0u);
  EXPECT_EQ(cache->snapshot()->setting("server"), std::nullopt);
  EXPECT_FALSE(fs::exists(aside_));
}

// The other tests rely on checkCache() to see what is wrong.
TEST_F(CacheDamage, TheCheckSeesBrokenIndexes) {
  using store::Tables;
  const std::string message = sampleMessage(10, mailboxId(2), 1).name;
  const std::vector<std::pair<store::Table Tables::*, std::string>> keys = {
      {&Tables::dirents, store::nameKey(mailboxId(2), message)},
      {&Tables::dirents, store::nameKey(kRoot, "a")},
      {&Tables::children, store::childKey(kRoot, mailboxId(2).value)},
      {&Tables::uids, store::pairKey(mailboxId(2).value, 1)},
      {&Tables::bodies, store::pairKey(10, 1)},
      {&Tables::messages, store::idKey(10)},
      {&Tables::mailboxes, store::idKey(mailboxId(2).value)},
      {&Tables::meta, "totals"}};
  for (const auto& [table, key] : keys) {
    fs::remove(file_);
    fill();
    EXPECT_THAT(test::checkCache(dir_.path()), IsEmpty());
    {
      store::Environment environment(file_, store::kCacheFlags, store::kCacheMapBytes);
      auto tables = store::openTables(environment.get()).value();
      store::WriteTransaction txn(environment.get());
      ASSERT_TRUE(store::exists(txn.get(), tables.*table, key));
      store::erase(txn.get(), tables.*table, key);
      txn.commit();
    }
    EXPECT_THAT(test::checkCache(dir_.path()), Not(IsEmpty())) << key;
  }
}

TEST_F(CacheDamage, TheSameFormatIsKept) {
  fill();
  EXPECT_EQ(Cache::open(dir_.path())->size().messages, 1u);
}

TEST_F(CacheDamage, OthersCanNotRead) {
  fs::permissions(dir_.path(), fs::perms::all);
  fill();
  EXPECT_EQ(mode(dir_.path()), 0700u);
  EXPECT_EQ(mode(file_), 0600u);
  EXPECT_EQ(mode(file_ + "-lock"), 0600u);
  Cache::open(dir_ / "new/deep");
  EXPECT_EQ(mode(dir_ / "new/deep"), 0700u);
}

TEST_F(CacheDamage, ADirectoryThatCanNotBeMadeIsAnError) {
  write(dir_ / "file", "");
  try {
    Cache::open(dir_ / "file/cache");
    FAIL() << "opened";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, Code::system);
  }
}

}  // namespace
}  // namespace emlfs
