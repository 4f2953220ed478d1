// Hearing that files are closed, where the machine has no more threads to give.
#include "fs/closings.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <limits>
#include <memory>

#include "support/scratch_dir.h"

namespace emlfs {
namespace {

// While it lives no thread can be made: its stack would be larger than all memory.
class NoThreads {
 public:
  NoThreads() {
    pthread_getattr_default_np(&before_);
    pthread_attr_t none;
    pthread_getattr_default_np(&none);
    pthread_attr_setstacksize(&none, std::numeric_limits<size_t>::max() / 4);
    pthread_setattr_default_np(&none);
    pthread_attr_destroy(&none);
  }
  ~NoThreads() {
    pthread_setattr_default_np(&before_);
    pthread_attr_destroy(&before_);
  }
  NoThreads(const NoThreads&) = delete;
  NoThreads& operator=(const NoThreads&) = delete;

 private:
  pthread_attr_t before_{};
};

TEST(Closings, WhereNoThreadCanBeMadeWhoWaitsIsAnswered) {
  const test::ScratchDir dir;
  AccountOptions options;
  options.cache_dir = dir / "cache";
  options.state_dir = dir / "state";
  options.read_only = false;
  const auto account = Account::open(options);
  fs::Closings closings(*account, dir.path());
  const MailboxId directory{kDirectoryBit | 20};
  for (int i = 0; i < 2; ++i) {
    bool answered = false;
    const NoThreads none;
    closings.whenHeard(directory, [&] { answered = true; });
    EXPECT_TRUE(answered);
  }
}

}  // namespace
}  // namespace emlfs
