// kill -9 of the process that writes the journal, at every sync and at any moment: what was
// acknowledged is there, of the rest a batch is there as a whole or not at all, and no number is
// given twice.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "emlfs/store/journal.h"
#include "support/child.h"
#include "support/scratch_dir.h"
#include "unit/journal_samples.h"
#include "unit/journal_sync.h"

namespace emlfs {
namespace {

using store::Change;
using store::Journal;

constexpr size_t kBatch = 3;
constexpr unsigned kThreads = 3;

// What a child says before and after it does something to a batch of three, known by its token.
enum class Op : uint64_t { added, updating, updated, removing, removed };
struct Report {
  Op op{};
  uint64_t token = 0;
  uint64_t number = 0;  // the first of the batch
};

void report(int fd, const Report& report) {
  // Whole, as writes to a pipe of up to PIPE_BUF bytes are.
  if (::write(fd, &report, sizeof report) != sizeof report) ::_exit(1);
}

std::vector<Change> batchOf(uint64_t token) {
  std::vector<Change> batch(kBatch, test::sampleChange(1));
  for (Change& change : batch) change.size = token;
  return batch;
}

// Adds batches, marks every second as begun, and removes all but every fifth.
void work(Journal& journal, int fd, uint64_t token) {
  for (;; token += kThreads) {
    const auto numbers = journal.commit({.add = batchOf(token)});
    Report now{Op::added, token, numbers.front()};
    report(fd, now);
    if (token % 2 == 0) {
      auto batch = batchOf(token);
      for (size_t i = 0; i < kBatch; ++i) {
        batch[i].number = numbers[i];
        batch[i].state = Change::State::begun;
      }
      now.op = Op::updating;
      report(fd, now);
      journal.commit({.update = batch});
      now.op = Op::updated;
      report(fd, now);
    }
    if (token % 5 == 0) continue;
    now.op = Op::removing;
    report(fd, now);
    journal.commit({.remove = numbers});
    now.op = Op::removed;
    report(fd, now);
  }
}

class JournalCrash : public testing::Test {
 protected:
  // The child is killed by its hook at a sync, or here once it has made so many reports.
  void run(const std::function<int()>& at_sync, size_t wanted) {
    const uint64_t first = next_token_;
    test::Child child([&](int fd) {
      test::SyncHook hook(at_sync);
      auto journal = Journal::open(dir_.path());
      std::vector<std::thread> threads;
      for (unsigned i = 0; i < kThreads; ++i)
        threads.emplace_back([&, i] { work(*journal, fd, first + i); });
      for (std::thread& thread : threads) thread.join();
    });
    std::string bytes = child.read(wanted * sizeof(Report));
    bytes += child.kill();
    for (size_t at = 0; at + sizeof(Report) <= bytes.size(); at += sizeof(Report)) {
      Report one;
      std::memcpy(&one, bytes.data() + at, sizeof one);
      hear(one);
    }
    ++kills_;
    check();
  }

  int kills() const { return kills_; }
  size_t acknowledged() const { return acknowledged_; }

 private:
  struct Known {
    uint64_t number = 0;
    bool updating = false;
    bool updated = false;
    bool removing = false;
    bool removed = false;
  };

  void hear(const Report& one) {
    next_token_ = std::max(next_token_, one.token + 2 * kThreads);
    Known& batch = known_[one.token];
    batch.number = one.number;
    batch.updating |= one.op == Op::updating;
    batch.updated |= one.op == Op::updated;
    batch.removing |= one.op == Op::removing;
    batch.removed |= one.op == Op::removed;
    if (one.op != Op::updating && one.op != Op::removing) ++acknowledged_;
    if (one.op != Op::added) return;
    EXPECT_TRUE(numbers_.insert(one.number).second) << "given twice: " << one.number;
  }

  void check() {
    auto journal = Journal::open(dir_.path());
    EXPECT_EQ(journal->notice(), "");
    std::map<uint64_t, std::vector<Change>> there;
    for (const Change& change : journal->changes()) there[change.size].push_back(change);
    for (const auto& [token, batch] : there) {
      next_token_ = std::max(next_token_, token + 2 * kThreads);
      ASSERT_EQ(batch.size(), kBatch);
      for (size_t i = 0; i < kBatch; ++i) {
        EXPECT_EQ(batch[i].number, batch[0].number + i);
        EXPECT_EQ(batch[i].state, batch[0].state);
      }
      const auto heard = known_.find(token);
      if (heard == known_.end()) {
        EXPECT_TRUE(numbers_.insert(batch[0].number).second) << "given twice";
        known_[token].number = batch[0].number;
        continue;
      }
      const Known& known = heard->second;
      EXPECT_FALSE(known.removed) << "came back: " << token;
      EXPECT_EQ(batch[0].number, known.number);
      const bool begun = batch[0].state == Change::State::begun;
      EXPECT_TRUE(begun ? known.updating || token % 2 == 0 : !known.updated) << token;
    }
    for (const auto& [token, known] : known_)
      EXPECT_TRUE(known.removing || there.contains(token)) << "lost: " << token;
    // So that it stays small: what is left over of killed runs.
    if (there.size() < 50) return;
    for (const auto& [token, batch] : there) {
      std::vector<uint64_t> numbers;
      for (const Change& change : batch) numbers.push_back(change.number);
      journal->commit({.remove = numbers});
      known_.erase(token);
    }
  }

  test::ScratchDir dir_;
  uint64_t next_token_ = 1;
  std::map<uint64_t, Known> known_;
  std::set<uint64_t> numbers_;
  size_t acknowledged_ = 0;
  int kills_ = 0;
};

constexpr size_t kForEver = size_t{1} << 40;

int syncThenDie(int& left) {
  if (--left == 0) ::raise(SIGKILL);
  return 0;
}

TEST_F(JournalCrash, BeforeEverySync) {
  for (int at = 1; at <= 130 && !HasFailure(); ++at) {
    int left = at;
    run([&] { return syncThenDie(left); }, kForEver);
  }
  ::printf("%d kills, %zu acknowledged\n", kills(), acknowledged());
  EXPECT_GT(acknowledged(), 1000u);
}

TEST_F(JournalCrash, AtAnyMoment) {
  for (size_t wanted = 0; wanted < 130 && !HasFailure(); ++wanted)
    run([] { return 0; }, wanted * 7 % 130);
  ::printf("%d kills, %zu acknowledged\n", kills(), acknowledged());
  EXPECT_GT(acknowledged(), 1000u);
}

}  // namespace
}  // namespace emlfs
