// kill -9 of the process that writes: what it committed is there, the rest never was.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "emlfs/base/thread.h"
#include "emlfs/store/cache.h"
#include "store/crash_mark.h"
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

constexpr Uid kEach = 20;

void report(int fd) {
  if (::write(fd, "r", 1) != 1) ::_exit(1);
}

// Every round adds messages with bodies, moves some of the round before to another mailbox, and
// removes others. `half_way` is called in the middle.
template <class HalfWay>
void writeRound(Cache& cache, Uid round, HalfWay half_way) {
  auto update = cache.begin();
  Uid first = round * kEach + 1;
  for (Uid uid = first; uid < first + kEach; ++uid) {
    update->putMessage(sampleMessage(10 + uid, mailboxId(2), uid));
    update->putChunk(MessageId{10 + uid}, 0, std::string(uid * 37 % 9000, 'b'));
  }
  half_way();
  for (Uid uid = first; uid < first + 5; ++uid)
    update->putMessage(sampleMessage(10 + uid, mailboxId(3), uid));
  for (Uid uid = first + 5; uid < first + 10; ++uid) update->removeMessage(MessageId{10 + uid});
  update->putMailbox(sampleMailbox(4, std::to_string(round), mailboxId(2 + round % 2)));
  update->putSetting("rounds", std::to_string(round + 1));
  update->commit();
}

void writeMailboxes(Cache& cache) {
  auto update = cache.begin();
  update->putMailbox(sampleMailbox(2, "a"));
  update->putMailbox(sampleMailbox(3, "b"));
  update->commit();
}

// The rounds that are there, after a look at everything else.
Uid rounds(const std::string& directory) {
  EXPECT_THAT(test::checkCache(directory), IsEmpty());
  auto cache = Cache::open(directory);
  auto setting = cache->snapshot()->setting("rounds");
  Uid rounds = setting ? static_cast<Uid>(std::stoul(*setting)) : 0;
  EXPECT_EQ(cache->size().messages, rounds * (kEach - 5));
  writeRound(*cache, rounds, [] {});  // and it goes on
  return rounds;
}

TEST(CacheCrash, KilledInTheMiddleOfATransaction) {
  test::ScratchDir dir;
  test::Child child([&](int fd) {
    auto cache = Cache::open(dir.path());
    writeMailboxes(*cache);
    writeRound(*cache, 0, [] {});
    writeRound(*cache, 1, [&] {
      report(fd);
      while (true) ::pause();
    });
  });
  ASSERT_EQ(child.read(1), "r");
  child.kill();
  EXPECT_EQ(rounds(dir.path()), 1u);
  EXPECT_THAT(test::checkCache(dir.path()), IsEmpty());
}

TEST(CacheCrash, KilledAtAnyMoment) {
  for (size_t wanted : {1, 2, 3, 10, 30, 31, 32, 60}) {
    test::ScratchDir dir;
    test::Child child([&](int fd) {
      auto cache = Cache::open(dir.path());
      writeMailboxes(*cache);
      for (Uid round = 0;; ++round) {
        writeRound(*cache, round, [] {});
        report(fd);
      }
    });
    size_t reported = child.read(wanted).size();
    ASSERT_EQ(reported, wanted);
    reported += child.kill().size();
    Uid there = rounds(dir.path());
    EXPECT_GE(there, reported);
    EXPECT_LE(there, reported + 1);
  }
}

// Opens a cache with something in it and crashes in the way of `crash`. True if the crash left
// its mark: the next start begins with an empty cache.
template <class Crash>
bool crashMarks(Crash crash) {
  test::ScratchDir dir;
  test::Child child([&](int fd) {
    // No reports of sanitizers, which take their time.
    for (int fatal : store::kFatalSignals) std::signal(fatal, SIG_DFL);
    auto cache = Cache::open(dir.path());
    writeMailboxes(*cache);
    writeRound(*cache, 0, [] {});
    crash(*cache, dir / "cache.mdb", fd);
    report(fd);
  });
  EXPECT_EQ(child.read(1), "") << "nothing crashed";
  child.kill();
  const uint64_t left = Cache::open(dir.path())->size().messages;
  EXPECT_TRUE(left == 0 || left == kEach - 5);
  const bool marked = left == 0;
  EXPECT_EQ(std::filesystem::exists(dir / "cache.mdb.damaged"), marked);
  Cache::open(dir.path());
  return marked;
}

// What an unreadable page of the disk is, too.
TEST(CacheCrash, AMissingPageLeavesAMark) {
  EXPECT_TRUE(crashMarks([](Cache& cache, const std::string& file, int) {
    std::filesystem::resize_file(file, 0);
    cache.snapshot()->chunk(MessageId{11}, 0);
  }));
}

TEST(CacheCrash, AMissingPageLeavesAMarkFromAnyThread) {
  EXPECT_TRUE(crashMarks([](Cache& cache, const std::string& file, int) {
    std::filesystem::resize_file(file, 0);
    startThread("reader", [&] { cache.snapshot()->chunk(MessageId{11}, 0); }).join();
  }));
}

TEST(CacheCrash, ACrashWhileChangingLeavesAMark) {
  EXPECT_TRUE(crashMarks([](Cache& cache, const std::string&, int) {
    auto update = cache.begin();
    std::abort();
  }));
  EXPECT_TRUE(crashMarks([](Cache& cache, const std::string&, int) {
    auto update = cache.begin();
    ::raise(SIGSEGV);
  }));
}

TEST(CacheCrash, AnotherCrashLeavesNone) {
  EXPECT_FALSE(crashMarks([](Cache&, const std::string&, int) { std::abort(); }));
  EXPECT_FALSE(crashMarks([](Cache& cache, const std::string&, int) {
    auto update = cache.begin();
    startThread("other", [] { ::raise(SIGSEGV); }).join();
  }));
}

TEST(CacheCrash, TheHandlerBeforeIsCalled) {
  static int fd = -1;
  test::ScratchDir dir;
  test::Child child([&](int report_fd) {
    fd = report_fd;
    struct sigaction action{};
    action.sa_flags = SA_SIGINFO;
    action.sa_sigaction = [](int signal, siginfo_t* info, void*) {
      if (signal == SIGSEGV && info != nullptr) report(fd);
      ::_exit(0);
    };
    ::sigaction(SIGSEGV, &action, nullptr);
    auto cache = Cache::open(dir.path());
    auto update = cache->begin();
    ::raise(SIGSEGV);
  });
  EXPECT_EQ(child.read(2), "r");
  EXPECT_TRUE(std::filesystem::exists(dir / "cache.mdb.condemned"));
}

TEST(CacheCrash, AKilledReaderLeavesNothingBehind) {
  test::ScratchDir dir;
  test::Child child([&](int fd) {
    auto cache = Cache::open(dir.path());
    writeMailboxes(*cache);
    auto snapshot = cache->snapshot();
    report(fd);
    while (true) ::pause();
  });
  ASSERT_EQ(child.read(1), "r");
  child.kill();
  EXPECT_EQ(rounds(dir.path()), 0u);
}

}  // namespace
}  // namespace emlfs
