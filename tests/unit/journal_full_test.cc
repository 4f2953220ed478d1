// A small disk that is full, for the journal and the spool.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "emlfs/store/journal.h"
#include "emlfs/store/spool.h"
#include "support/scratch_dir.h"
#include "unit/journal_samples.h"

namespace emlfs {
namespace {

using store::Journal;
using testing::HasSubstr;

constexpr size_t kDiskBytes = 6 << 20;

class Full : public testing::Test {
 protected:
  void SetUp() override {
    const std::string size = "size=" + std::to_string(kDiskBytes);
    if (::mount("emlfs-test", dir_.path().c_str(), "tmpfs", MS_NOSUID | MS_NODEV, size.c_str()) !=
        0)
      GTEST_SKIP() << "mounting a tmpfs takes root";
    mounted_ = true;
  }
  void TearDown() override {
    if (mounted_) ::umount2(dir_.path().c_str(), MNT_DETACH);
  }

  void takeAllButBytes(size_t left) {
    const auto space = std::filesystem::space(dir_.path());
    std::ofstream(dir_ / "ballast") << std::string(space.available - left, 'b');
  }
  void freeBallast() { std::filesystem::remove(dir_ / "ballast"); }

  test::ScratchDir dir_;

 private:
  bool mounted_ = false;
};

// The text of the Error(system) that comes in the end.
template <class Action>
std::string untilFull(Action action) {
  for (int left = 100'000; left > 0; --left) {
    try {
      action();
    } catch (const Error& error) {
      EXPECT_EQ(error.code, Code::system);
      return error.what();
    }
  }
  return "it never was";
}

TEST_F(Full, TheJournalTakesNoMoreAndLosesNothing) {
  std::vector<store::Change> acknowledged;
  {
    auto journal = Journal::open(dir_.path());
    journal->commit({.add = {test::sampleChange(1)}});
    takeAllButBytes(1 << 20);
    acknowledged = journal->changes();
    const auto add = [&] {
      const std::vector<store::Change> batch(20, test::sampleChange(acknowledged.size()));
      for (const uint64_t number : journal->commit({.add = batch}))
        acknowledged.push_back(*journal->change(number));
    };
    EXPECT_THAT(untilFull(add), HasSubstr("No space left"));
    EXPECT_EQ(journal->changes(), acknowledged);
    // What makes progress still goes.
    auto begun = acknowledged[3];
    begun.state = store::Change::State::begun;
    journal->commit({.update = {begun}});
    acknowledged[3] = begun;
    for (int i = 0; i < 100; ++i) {
      journal->commit({.remove = {acknowledged.back().number}});
      acknowledged.pop_back();
    }
    EXPECT_THAT(untilFull(add), HasSubstr("No space left"));
    freeBallast();
    add();  // it goes on by itself
    EXPECT_EQ(journal->changes(), acknowledged);
  }
  auto journal = Journal::open(dir_.path());
  EXPECT_EQ(journal->notice(), "");
  EXPECT_EQ(journal->changes(), acknowledged);
}

TEST_F(Full, ADamagedJournalStaysWhereItIs) {
  Journal::open(dir_.path())->commit({.add = {test::sampleChange(1)}});
  std::filesystem::resize_file(dir_ / "journal.mdb", 8192);
  takeAllButBytes(8192);
  EXPECT_THAT(untilFull([&] { Journal::open(dir_.path()); }),
              testing::AnyOf(HasSubstr("No space left"), HasSubstr("is the disk full")));
  EXPECT_EQ(std::filesystem::file_size(dir_ / "journal.mdb"), 8192u);
  EXPECT_FALSE(std::filesystem::exists(dir_ / "journal.mdb.new"));
  freeBallast();
  EXPECT_NE(Journal::open(dir_.path())->notice(), "");
}

TEST_F(Full, TheSpoolSaysSo) {
  const store::Spool spool(dir_.path());
  auto file = spool.create(MessageId{1});
  const std::string line = "X: " + std::string(900, 'y') + '\n';
  uint64_t size = 0;
  for (; size < kDiskBytes * 2 / 3; size += line.size()) store::writeAt(file.fd.get(), line, size);
  EXPECT_THAT(untilFull([&] { spool.convertLineEnds(file.name); }), HasSubstr("No space left"));
  EXPECT_EQ(store::fileSize(file.fd.get()), size);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir_ / "spool"), {}), 1);
  EXPECT_THAT(untilFull([&] {
                store::writeAt(file.fd.get(), line, size);
                size += line.size();
              }),
              HasSubstr("No space left"));
}

}  // namespace
}  // namespace emlfs
