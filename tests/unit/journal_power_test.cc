// Power loss while a commit is on its way: of the pages that were written and not yet synced the
// disk has any. What was acknowledged before is there, and nothing looks like damage.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <random>

#include "emlfs/store/journal.h"
#include "support/scratch_dir.h"
#include "unit/journal_samples.h"
#include "unit/journal_sync.h"

namespace emlfs {
namespace {

using store::Change;
using store::Journal;

constexpr size_t kPage = 4096;

std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(in), {});
  bytes.resize((bytes.find_last_not_of('\0') / kPage + 1) * kPage);  // without the room ahead
  return bytes;
}

struct Moment {
  std::string durable;
  std::string written;  // when the sync begins
  std::vector<Change> acknowledged;
};

// Removals and updates, so that pages become free and are used again.
std::vector<Moment> record(const std::string& directory) {
  std::vector<Moment> moments;
  const std::string path = directory + "/journal.mdb";
  auto journal = Journal::open(directory);
  for (uint64_t round = 0; round < 40; ++round) {
    Moment now{slurp(path), {}, journal->changes()};
    store::Batch batch;
    for (uint64_t i = 0; i < 8; ++i) batch.add.push_back(test::sampleChange(round * 8 + i));
    if (round % 7 == 0) batch.add.back().server = std::string(9000, 's');
    for (const Change& change : now.acknowledged) {
      if (change.number % 3 == round % 3) batch.remove.push_back(change.number);
      if (change.number % 3 == (round + 1) % 3) batch.update.push_back(change);
    }
    {
      test::SyncHook hook([&] {
        now.written = slurp(path);
        return 0;
      });
      journal->commit(batch);
    }
    moments.push_back(std::move(now));
  }
  return moments;
}

TEST(JournalPower, LosesNothingThatWasAcknowledged) {
  test::ScratchDir dir;
  const auto seed = static_cast<unsigned>(std::random_device()());
  std::minstd_rand random(seed);
  SCOPED_TRACE("seed " + std::to_string(seed));
  int losses = 0;
  for (const Moment& moment : record(dir / "state")) {
    ASSERT_FALSE(moment.written.empty());
    for (unsigned chance = 0; chance <= 4; ++chance) {  // of each page, in quarters
      std::string disk = moment.durable;
      disk.resize(std::max(disk.size(), moment.written.size()));
      for (size_t at = 0; at < moment.written.size(); at += kPage)
        if (random() % 4 < chance) disk.replace(at, kPage, moment.written, at, kPage);
      const test::ScratchDir after;
      std::ofstream(after / "journal.mdb", std::ios::binary) << disk;
      auto journal = Journal::open(after.path());
      ASSERT_EQ(journal->notice(), "");
      ASSERT_EQ(journal->changes(), moment.acknowledged);
      journal->commit({.add = {test::sampleChange(1)}});
      ++losses;
    }
  }
  ::printf("%d losses of power\n", losses);
}

}  // namespace
}  // namespace emlfs
