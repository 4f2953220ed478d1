#include "emlfs/store/ids.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
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
  const uint64_t first = ids->next();
  EXPECT_GE(first, kFirstLocalId);
  EXPECT_EQ(ids->next(), first + 1);
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
  EXPECT_GE(*all.begin(), kFirstLocalId);
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

TEST(Ids, GoOnFarAboveAfterDamage) {
  test::ScratchDir dir;
  uint64_t highest = 0;
  for (int run = 0; run < 3; ++run) {
    {
      auto ids = IdSource::open(dir.path());
      ids->raiseAbove(highest);
      uint64_t id = ids->next();
      EXPECT_GT(id, highest);
      for (int i = 0; i < 10'000; ++i) highest = ids->next();
    }
    std::ofstream(dir / "ids.mdb") << std::string(10'000, 'x');
  }
  // The loss isn't forgotten if nothing was given before the next start.
  IdSource::open(dir.path());
  EXPECT_TRUE(std::filesystem::exists(dir / "ids.mdb.damaged"));
  auto ids = IdSource::open(dir.path());
  ids->raiseAbove(uint64_t{1} << 61);  // as if the clock had gone wrong
  EXPECT_GT(ids->next(), (uint64_t{1} << 61) + (uint64_t{1} << 40));
}

// The machine went down when it had been put aside.
TEST(Ids, GoOnFarAboveWhenOnlyTheDamagedOneIsThere) {
  test::ScratchDir dir;
  const uint64_t before = IdSource::open(dir.path())->next();
  std::filesystem::rename(dir / "ids.mdb", dir / "ids.mdb.damaged");
  EXPECT_GT(IdSource::open(dir.path())->next(), before + (uint64_t{1} << 40));
}

// Whatever happens to one byte of the file: no id is given twice.
TEST(Ids, NeverRepeatAfterAFlippedBit) {
  test::ScratchDir dir;
  uint64_t highest = 0;
  {
    auto ids = IdSource::open(dir.path());
    for (int i = 0; i < 20'000; ++i) highest = ids->next();
  }
  const std::string file = dir / "ids.mdb";
  std::string whole;
  {
    std::ifstream in(file, std::ios::binary);
    whole.assign(std::istreambuf_iterator<char>(in), {});
  }
  int healed = 0;
  const auto seed = std::random_device()();
  std::mt19937 random(seed);
  for (int round = 0; round < 300; ++round) {
    std::string flipped = whole;
    // Half of them where there is something: in the headers.
    const size_t at =
        random() % (round % 2 == 0 ? 200 : flipped.size()) + (round % 4 == 0 ? 4096 : 0);
    flipped[at % flipped.size()] ^= static_cast<char>(1 << random() % 8);
    std::ofstream(file, std::ios::binary | std::ios::trunc) << flipped;
    std::filesystem::remove(file + ".damaged");
    auto ids = IdSource::open(dir.path());
    EXPECT_GT(ids->next(), highest) << "seed " << seed << ", byte " << at;
    if (std::filesystem::exists(file + ".damaged")) ++healed;
  }
  EXPECT_GT(healed, 0);
}

}  // namespace
}  // namespace emlfs
