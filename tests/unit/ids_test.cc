#include "emlfs/store/ids.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <set>
#include <thread>
#include <vector>

#include "emlfs/base/error.h"
#include "emlfs/mail/ids.h"
#include "support/child.h"
#include "support/scratch_dir.h"

namespace emlfs {
namespace {

using store::IdSource;

constexpr int kThreads = 4;

// Ids taken by four threads at once, each given to `each`, which has to be thread-safe.
template <class Each>
void takeInThreads(IdSource& ids, int count, Each each) {
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&ids, &each, count, i] {
      for (int left = count; left > 0; --left) each(i, ids.next());
    });
  for (std::thread& thread : threads) thread.join();
}

TEST(Ids, BeginBehindTheRoot) {
  test::ScratchDir dir;
  auto ids = IdSource::open(dir.path());
  EXPECT_EQ(ids->next(), kFirstLocalId);
  EXPECT_EQ(ids->next(), kFirstLocalId + 1);
}

TEST(Ids, GoOnAfterReopening) {
  test::ScratchDir dir;
  uint64_t last = 0;
  for (int run = 0; run < 3; ++run) {
    auto ids = IdSource::open(dir.path());
    for (int i = 0; i < 5000; ++i) {
      uint64_t id = ids->next();
      ASSERT_GT(id, last);
      last = id;
    }
  }
}

TEST(Ids, NeverRepeatInThreads) {
  test::ScratchDir dir;
  std::vector<std::vector<uint64_t>> taken(kThreads);
  auto ids = IdSource::open(dir.path());
  takeInThreads(*ids, 10'000,
                [&](int thread, uint64_t id) { taken[static_cast<size_t>(thread)].push_back(id); });
  std::set<uint64_t> all;
  for (const auto& some : taken) all.insert(some.begin(), some.end());
  EXPECT_EQ(all.size(), kThreads * 10'000u);
  EXPECT_EQ(*all.begin(), kFirstLocalId);
}

TEST(Ids, NeverRepeatAfterAKill) {
  test::ScratchDir dir;
  std::set<uint64_t> all;
  for (size_t wanted : {1, 100, 5000, 9000, 20'000}) {
    test::Child child([&](int fd) {
      auto ids = IdSource::open(dir.path());
      takeInThreads(*ids, 1'000'000, [fd](int, uint64_t id) {
        // Whole, as writes to a pipe of up to PIPE_BUF bytes are.
        if (::write(fd, &id, sizeof id) != sizeof id) ::_exit(1);
      });
    });
    std::string bytes = child.read(wanted * sizeof(uint64_t));
    ASSERT_EQ(bytes.size(), wanted * sizeof(uint64_t));
    bytes += child.kill();
    for (size_t at = 0; at + sizeof(uint64_t) <= bytes.size(); at += sizeof(uint64_t)) {
      uint64_t id = 0;
      std::memcpy(&id, bytes.data() + at, sizeof id);
      EXPECT_TRUE(all.insert(id).second) << id;
    }
  }
}

TEST(Ids, CanBeRaised) {
  test::ScratchDir dir;
  {
    auto ids = IdSource::open(dir.path());
    ids->raiseAbove(1'000'000);
    EXPECT_EQ(ids->next(), 1'000'001u);
    ids->raiseAbove(1'000'100);  // within the block
    EXPECT_EQ(ids->next(), 1'000'101u);
    ids->raiseAbove(5);  // lower: nothing
    EXPECT_EQ(ids->next(), 1'000'102u);
    ids->raiseAbove(3'000'000);
    EXPECT_EQ(ids->next(), 3'000'001u);
  }
  EXPECT_GT(IdSource::open(dir.path())->next(), 3'000'001u);
}

TEST(Ids, EndBeforeTheDirectoryBit) {
  test::ScratchDir dir;
  auto ids = IdSource::open(dir.path());
  ids->raiseAbove(kDirectoryBit - 2);
  EXPECT_THROW(ids->next(), Error);
}

TEST(Ids, ArePrivate) {
  test::ScratchDir dir;
  auto ids = IdSource::open(dir / "state");
  ids->next();
  struct stat st{};
  ASSERT_EQ(::stat((dir / "state").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0700u);
  ASSERT_EQ(::stat((dir / "state/ids.mdb").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0600u);
}

TEST(Ids, GarbageIsAnErrorAndStays) {
  test::ScratchDir dir;
  std::ofstream(dir / "ids.mdb") << std::string(10'000, 'x');
  try {
    IdSource::open(dir.path());
    FAIL() << "opened";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, Code::damaged);
    EXPECT_NE(std::string(error.what()).find("ids.mdb"), std::string::npos);
  }
}

}  // namespace
}  // namespace emlfs
