#include "unit/journal_sync.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "emlfs/store/journal.h"
#include "support/scratch_dir.h"
#include "unit/journal_samples.h"

namespace emlfs::test {
namespace {

std::function<int()> the_hook;

}  // namespace

SyncHook::SyncHook(std::function<int()> hook) {
  the_hook = std::move(hook);
}

SyncHook::~SyncHook() {
  the_hook = nullptr;
}

}  // namespace emlfs::test

// In place of the C library's, also for the libraries that were linked.
extern "C" int fdatasync(int fd) {
  if (emlfs::test::the_hook) {
    if (const int failure = emlfs::test::the_hook(); failure != 0) {
      errno = failure;
      return -1;
    }
  }
  return static_cast<int>(::syscall(SYS_fdatasync, fd));
}

namespace emlfs {
namespace {

TEST(JournalSync, IsOneACommit) {
  test::ScratchDir dir;
  auto journal = store::Journal::open(dir.path());
  int syncs = 0;
  test::SyncHook hook([&] {
    ++syncs;
    return 0;
  });
  for (uint64_t i = 1; i <= 10; ++i)
    EXPECT_EQ(journal->commit({.add = {test::sampleChange(i)}}).front(), i);
  EXPECT_EQ(syncs, 10);
  EXPECT_EQ(journal->stats().commits, 10u);
  journal->commit({});
  EXPECT_EQ(syncs, 10);
}

}  // namespace
}  // namespace emlfs
