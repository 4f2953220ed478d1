// A cache file that isn't as it was left: flipped, cut, overwritten, of another version.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <utility>
#include <vector>

#include "emlfs/base/error.h"
#include "emlfs/base/file.h"
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

  // Flips a bit wherever `text` is: LMDB leaves older copies of a page. In place, so that an
  // open cache sees it as it would a page that went bad.
  void flip(const std::string& text) {
    const std::string bytes = contents(file_);
    const Fd file(::open(file_.c_str(), O_WRONLY | O_CLOEXEC));
    size_t found = 0;
    for (size_t at = 0; (at = bytes.find(text, at)) != std::string::npos; ++found, ++at) {
      const char flipped = static_cast<char>(bytes[at] ^ 0x10);
      ASSERT_EQ(::pwrite(file.get(), &flipped, 1, static_cast<off_t>(at)), 1);
    }
    ASSERT_GT(found, 0u) << text;
  }

  // Damage that comes while the cache is open.
  template <class Read>
  void expectDamaged(const std::string& text, Read read) {
    auto cache = Cache::open(dir_.path());
    flip(text);
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
  expectDamaged("large-body-to-find", [](auto& snapshot) { snapshot.chunk(MessageId{10}, 1); });
  EXPECT_EQ(Cache::open(dir_.path())->snapshot()->chunk(MessageId{10}, 0), "small-body-to-find");
  expectDamaged("small-body-to-find", [](auto& snapshot) { snapshot.chunk(MessageId{10}, 0); });
  EXPECT_EQ(Cache::open(dir_.path())->size().bodies, 1u);
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

TEST_F(CacheDamage, AFlippedBitInARecordInUse) {
  const auto list = [](auto& snapshot) {
    snapshot.messages(mailboxId(2), 0, [](const store::MessageRecord&) { return true; });
  };
  fill();
  expectDamaged("<10@example.org>", [](auto& snapshot) { snapshot.message(MessageId{10}); });
  // What stays damaged in use is made anew at the next start.
  const size_t flipped = contents(file_).size();
  EXPECT_EQ(Cache::open(dir_.path())->size().messages, 0u);
  EXPECT_EQ(contents(aside_).size(), flipped);
  fill();
  expectDamaged("<10@example.org>", list);
  fill();
  expectDamaged("a-setting-to-find", [](auto& snapshot) { snapshot.setting("server"); });
}

TEST_F(CacheDamage, AFlippedBitInARecordIsFoundAtTheStart) {
  for (const char* text : {"<10@example.org>", "a-setting-to-find", "2026-11-20_Alice", "totals"}) {
    fs::remove(aside_);
    fill();
    flip(text);
    EXPECT_EQ(Cache::open(dir_.path())->size().messages, 0u) << text;
    EXPECT_TRUE(fs::exists(aside_)) << text;
  }
}

// LMDB would free the pages that the header of a large value speaks of.
TEST_F(CacheDamage, ALargeBodyWithAWrongHeaderIsNotRemoved) {
  fill();
  const std::string bytes = contents(file_);
  const size_t page = bytes.find(std::string(1000, 'b')) / kPage * kPage;
  auto cache = Cache::open(dir_.path());
  const Fd file(::open(file_.c_str(), O_WRONLY | O_CLOEXEC));
  ASSERT_EQ(::pwrite(file.get(), "\2", 1, static_cast<off_t>(page)), 1);
  auto update = cache->begin();
  EXPECT_THROW(update->putChunk(MessageId{10}, 1, "new"), Error);
  update.reset();
  update = cache->begin();
  EXPECT_THROW(update->removeMessage(MessageId{10}), Error);
  update.reset();
  cache.reset();
  EXPECT_EQ(Cache::open(dir_.path())->size().messages, 0u);
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
  EXPECT_GT(seen[Seen::refused], 0);    // in bodies
  EXPECT_GT(seen[Seen::made_anew], 0);  // in metadata
  EXPECT_EQ(seen[Seen::right], 0);      // a hole is larger than a body
}

TEST_F(CacheDamage, GarbageIsPutAside) {
  for (const std::string& garbage :
       {std::string("x"), std::string(100'000, 'x'), std::string(100'000, '\0')}) {
    fill();
    write(file_, garbage);
    auto cache = Cache::open(dir_.path());
    EXPECT_EQ(cache->size().messages, 0u);
    EXPECT_EQ(contents(aside_), garbage);
    EXPECT_THAT(cache->notice(), testing::StartsWith("the cache was damaged ("));
    EXPECT_THAT(cache->notice(), testing::HasSubstr("it is put aside as " + aside_ + ", "));
    cache.reset();
    EXPECT_EQ(Cache::open(dir_.path())->notice(), "");
    EXPECT_THAT(test::checkCache(dir_.path()), IsEmpty());
  }
}

// LMDB writes its two headers in turn. That of the commit before the last is not needed any more.
TEST_F(CacheDamage, OfTheTwoHeadersTheNewerCounts) {
  fill();
  const std::string whole = contents(file_);
  constexpr size_t kMainTree = 104;  // how many pages it has
  std::map<bool, int> said;
  for (size_t header : {0, 1}) {
    std::string damaged = whole;
    damaged.replace(header * kPage + kMainTree, 10, 10, 'x');
    write(file_, damaged);
    const auto cache = Cache::open(dir_.path());
    const bool anew = !cache->notice().empty();
    EXPECT_EQ(cache->size().messages, anew ? 0u : 1u) << header;
    EXPECT_EQ(cache->snapshot()->setting("server").has_value(), !anew) << header;
    ++said[anew];
  }
  EXPECT_EQ(said, (std::map<bool, int>{{false, 1}, {true, 1}}));
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
  flip("emlfs cache 4");
  auto cache = Cache::open(dir_.path());
  EXPECT_EQ(cache->size().messages, 0u);
  EXPECT_EQ(cache->snapshot()->setting("server"), std::nullopt);
  EXPECT_FALSE(fs::exists(aside_));
}

// What no damage to pages brings about, since each entry that is left is sound. The other tests
// rely on checkCache() to see it too.
TEST_F(CacheDamage, BrokenIndexesAreFound) {
  using store::Tables;
  const std::string message = sampleMessage(10, mailboxId(2), 1).name;
  const std::vector<std::pair<store::Table Tables::*, std::string>> keys = {
      {&Tables::dirents, store::nameKey(mailboxId(2), message)},
      {&Tables::dirents, store::nameKey(kRoot, "a")},
      {&Tables::children, store::childKey(kRoot, mailboxId(2).value)},
      {&Tables::uids, store::pairKey(mailboxId(2).value, 1)},
      {&Tables::bodies, store::pairKey(10, 1)},
      {&Tables::uses, store::idKey(10)},
      {&Tables::messages, store::idKey(10)},
      {&Tables::mailboxes, store::idKey(mailboxId(2).value)},
      {&Tables::meta, "totals"}};
  for (const auto& [table, key] : keys) {
    fs::remove(file_);
    fs::remove(aside_);
    fill();
    EXPECT_THAT(test::checkCache(dir_.path()), IsEmpty());
    {
      store::Environment environment(file_, store::kCacheFlags, store::kCacheMapBytes);
      auto tables = store::openTables(environment.get()).value();
      store::WriteTransaction txn(environment.get());
      ASSERT_TRUE(store::exists(txn.get(), tables.*table, key));
      const store::Totals totals = store::readTotals(txn.get(), tables);
      store::writeTotals(txn.get(), tables, totals);
      store::erase(txn.get(), tables.*table, key);
      txn.commit();
    }
    if (table != &Tables::meta) {
      EXPECT_THAT(test::checkCache(dir_.path()), Not(IsEmpty())) << key;
    }
    EXPECT_EQ(Cache::open(dir_.path())->size().messages, 0u) << key;
    EXPECT_TRUE(fs::exists(aside_));
  }
}

// A header that names an older state: everything in it is sound, and old.
TEST_F(CacheDamage, AnOlderStateIsNotTaken) {
  fill();
  fill();
  std::string bytes = contents(file_);
  constexpr size_t kTransaction = 16 + 24 + 2 * 48 + 8;
  std::array<uint64_t, 2> numbers{};
  for (size_t page : {0, 1})
    std::memcpy(&numbers[page], &bytes[page * kPage + kTransaction], sizeof numbers[page]);
  const size_t older = numbers[0] < numbers[1] ? 0 : 1;
  ASSERT_EQ(numbers[older] + 1, numbers[1 - older]);
  numbers[older] += 2;
  std::memcpy(&bytes[older * kPage + kTransaction], &numbers[older], sizeof numbers[older]);
  write(file_, bytes);
  EXPECT_EQ(readAll(), Seen::made_anew);
}

TEST_F(CacheDamage, TheSameFormatIsKept) {
  fill();
  EXPECT_EQ(Cache::open(dir_.path())->size().messages, 1u);
}

// What fails for another reason than damage costs nobody his cache.
TEST_F(CacheDamage, AnErrorOfTheSystemKeepsTheCache) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the undefined behaviour sanitizer needs descriptors, and this leaves none";
#endif
  fill();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit few = before;
  for (few.rlim_cur = 3; few.rlim_cur < 40; ++few.rlim_cur) {
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    try {
      Cache::open(dir_.path());
    } catch (const Error& error) {
      EXPECT_EQ(error.code, Code::system) << error.what();
    }
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  }
  EXPECT_EQ(Cache::open(dir_.path())->size().messages, 1u);
  EXPECT_FALSE(fs::exists(aside_));
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
