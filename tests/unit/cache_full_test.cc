// A disk that is full: what can't be written isn't, and nothing else is hurt. A limit on the size
// of files stands for the disk; LMDB meets both in the same place.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <source_location>
#include <stdexcept>

#include "emlfs/base/error.h"
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

void limitFiles(rlim_t bytes) {
  rlimit limit{};
  ::getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = bytes;
  if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) ::_exit(2);
}

void require(bool good, std::source_location where = std::source_location::current()) {
  if (!good) throw std::runtime_error("line " + std::to_string(where.line()));
}

TEST(CacheFull, FailsWhatNeedsRoomAndNothingElse) {
  test::ScratchDir dir;
  test::Child child([&](int report) {
    std::signal(SIGXFSZ, SIG_IGN);
    auto cache = Cache::open(dir.path());
    {
      auto update = cache->begin();
      update->putMailbox(sampleMailbox(2, "a"));
      for (Uid uid = 1; uid <= 100; ++uid) {
        update->putMessage(sampleMessage(10 + uid, mailboxId(2), uid));
        if (uid <= 20) update->putChunk(MessageId{10 + uid}, 0, std::string(100'000, 'b'));
      }
      update->commit();
    }
    // As in a cache that has been in use: a few pages are free.
    require(cache->evict(1'900'000, [] { return true; }) == 100'000);
    struct stat file{};
    require(::stat((dir / "cache.mdb").c_str(), &file) == 0);
    limitFiles(static_cast<rlim_t>(file.st_size));
    int failed = 0;
    for (Uid uid = 21; uid <= 60; ++uid) {
      try {
        auto update = cache->begin();
        update->putSetting("last", std::to_string(uid));
        update->putChunk(MessageId{10 + uid}, 0, std::string(100'000, 'b'));
        update->commit();
      } catch (const Error& error) {
        require(error.code == Code::system);
        require(error.error_number == EFBIG);  // and not EIO, whatever LMDB says
        ++failed;
      }
    }
    require(failed >= 30);
    // Reading goes on, and the metadata of what failed isn't there either.
    auto snapshot = cache->snapshot();
    require(snapshot->chunk(MessageId{30}, 0) == std::string(100'000, 'b'));
    require(!snapshot->chunk(MessageId{70}, 0) && snapshot->setting("last") != "60");
    snapshot.reset();
    // An eviction makes room, in the file.
    require(cache->evict(500'000, [] { return true; }) > 0);
    auto update = cache->begin();
    update->putChunk(MessageId{80}, 0, std::string(100'000, 'b'));
    update->commit();
    require(cache->snapshot()->chunk(MessageId{80}, 0).has_value());
    limitFiles(RLIM_INFINITY);
    update = cache->begin();
    for (Uid uid = 81; uid <= 100; ++uid)
      update->putChunk(MessageId{10 + uid}, 0, std::string(100'000, 'b'));
    update->commit();
    require(::write(report, "r", 1) == 1);
  });
  EXPECT_EQ(child.read(2), "r");
  EXPECT_EQ(test::checkCache(dir.path()), std::vector<std::string>{});
  EXPECT_EQ(Cache::open(dir.path())->size().messages, 100u);
}

}  // namespace
}  // namespace emlfs
