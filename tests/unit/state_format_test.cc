// The format of a state directory: today's sample, what becomes of earlier ones, and of later ones.
#include "store/state_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <functional>

#include "emlfs/base/error.h"
#include "emlfs/base/file.h"
#include "emlfs/store/ids.h"
#include "emlfs/store/journal.h"
#include "store/journal_tables.h"
#include "support/scratch_dir.h"
#include "support/state_sample.h"
#include "unit/journal_samples.h"

namespace emlfs {
namespace {

namespace fs = std::filesystem;
using store::Journal;
using testing::HasSubstr;
using testing::StartsWith;

std::string textOf(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, Code::invalid) << error.what();
    EXPECT_EQ(error.scope, Scope::account);
    return error.what();
  }
  return "nothing was refused";
}

void write(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

void append(const std::string& directory, const std::string& text) {
  std::ofstream(directory + "/steps", std::ios::app) << text;
}
void toTwo(const std::string& directory) {
  append(directory, "2");
}
void toThree(const std::string& directory) {
  append(directory, "3");
}
void interrupted(const std::string& directory) {
  append(directory, "!");
  throw Error(Code::system, Scope::account, "the disk is full");
}

class StateFormat : public testing::Test {
 protected:
  std::string steps() { return readFile(dir_ / "steps"); }

  test::ScratchDir dir_;
  const std::string file_ = dir_ / "format";
};

// If this fails, an incompatible change was made to what is stored there: it needs a format of its
// own, with a migration, and a sample.
TEST_F(StateFormat, Format1IsReadAsItWasWritten) {
  if (!test::canReadSamples()) GTEST_SKIP() << "the samples are files of another kind of machine";
  const std::string copy = dir_ / "copy";
  test::copyStateSample("state-1", copy);
  store::requireKnownState(copy);
  store::upgradeState(copy);
  EXPECT_EQ(test::stateContents(copy), readFile(test::samplePath("state-1") + "/contents"));
  uint64_t highest = 0;
  for (const auto& change : Journal::open(copy)->changes())
    highest = std::max(highest, change.id.value & ~kDirectoryBit);
  EXPECT_GT(store::IdSource::open(copy)->next(), highest);
  EXPECT_FALSE(fs::exists(copy + "/ids.mdb.damaged"));
}

TEST_F(StateFormat, ANewDirectorySaysItAndOneWithoutIsOfTheFirst) {
  store::requireKnownState(dir_ / "none/yet");
  EXPECT_FALSE(fs::exists(dir_ / "none"));
  store::upgradeState(dir_ / "new");
  EXPECT_EQ(readFile(dir_ / "new/format"), "emlfs state 1\n");
  store::upgradeState(dir_ / "new");
  EXPECT_EQ(readFile(dir_ / "new/format"), "emlfs state 1\n");
  store::upgradeState(dir_.path(), std::array<store::Migration, 1>{toTwo});
  EXPECT_EQ(steps(), "2");
  EXPECT_EQ(readFile(file_), "emlfs state 2\n");
}

TEST_F(StateFormat, EachStepIsDoneAndNotedAndGoesOnAfterAnInterruption) {
  write(file_, "emlfs state 1\n");
  const std::array<store::Migration, 2> broken{toTwo, interrupted};
  EXPECT_THROW(store::upgradeState(dir_.path(), broken), Error);
  EXPECT_EQ(readFile(file_), "emlfs state 2\n");
  const std::array<store::Migration, 2> whole{toTwo, toThree};
  store::upgradeState(dir_.path(), whole);
  EXPECT_EQ(readFile(file_), "emlfs state 3\n");
  store::upgradeState(dir_.path(), whole);
  EXPECT_EQ(steps(), "2!3");
}

TEST_F(StateFormat, ALaterOneAndOneThatSaysNothingAreRefused) {
  write(file_, "emlfs state 2\n");
  const auto require = [&] { store::requireKnownState(dir_.path()); };
  const auto upgrade = [&] { store::upgradeState(dir_.path()); };
  EXPECT_THAT(textOf(require), HasSubstr(" was written by a later emlfs (format 2, this one knows "
                                         "1): mount with that one"));
  EXPECT_EQ(textOf(upgrade), textOf(require));
  for (const char* nothing : {"", "emlfs state", "emlfs state x\n", "emlfs state 1x\n",
                              "emlfs state 0\n", "emlfs state 99999999999\n", "emlfs cache 1\n"}) {
    write(file_, nothing);
    EXPECT_THAT(textOf(require), StartsWith(file_ + " does not say of which format")) << nothing;
    EXPECT_THAT(textOf(upgrade), StartsWith(file_ + " does not say of which format")) << nothing;
    EXPECT_EQ(readFile(file_), nothing);
  }
}

// A journal as a later emlfs leaves it, which differs in `edit` alone.
class LaterJournal : public StateFormat {
 protected:
  static constexpr size_t kKind = 1;  // where a record has it, behind its version

  void leave(const std::function<void(store::JournalUpdate&)>& edit) {
    Journal::open(dir_.path())->commit({.add = {test::sampleChange(1), test::sampleChange(2)}});
    change(edit);
  }
  void change(const std::function<void(store::JournalUpdate&)>& edit) {
    store::Environment environment(path_, store::kJournalFlags, store::kJournalMapBytes);
    const auto tables = store::openJournalTables(environment.get());
    store::JournalUpdate update(environment.get(), tables);
    edit(update);
    update.writeState();
    update.commit();
  }
  static std::string laterRecord() {
    std::string record = store::encode(test::sampleChange(2));
    record[kKind] = 77;
    return record;
  }

  const std::string path_ = dir_ / "journal.mdb";
};

TEST_F(LaterJournal, AKindThatIsNotKnownIsRefusedAndStays) {
  leave([](auto& update) { update.putChange(2, laterRecord()); });
  const std::string before = readFile(path_);
  for (int run = 0; run < 2; ++run) {
    const auto text = textOf([&] { Journal::open(dir_.path()); });
    EXPECT_THAT(text, StartsWith(path_ + " was written by a later emlfs: mount with that one"));
  }
  EXPECT_EQ(readFile(path_), before);
  EXPECT_FALSE(fs::exists(path_ + ".damaged-1"));
}

TEST_F(LaterJournal, ALaterEncodingOfANameIsRefused) {
  const store::GivenName name{
      .key = {.mailbox = "INBOX", .uid_validity = 1, .uid = 1}, .directory = "INBOX", .name = "a"};
  leave([&](auto& update) {
    std::string record = encode(name);
    record[0] = 2;
    update.putName(nameKey(name.key), record);
  });
  EXPECT_THAT(textOf([&] { Journal::open(dir_.path()); }), HasSubstr("written by a later emlfs"));
}

// LMDB keeps the transaction before the last: what was in that is no longer pending.
TEST_F(LaterJournal, OnceItIsDoneTheJournalIsTakenAgain) {
  leave([](auto& update) { update.putChange(2, laterRecord()); });
  change([](auto& update) { update.removeChange(2); });
  const auto journal = Journal::open(dir_.path());
  EXPECT_EQ(journal->notice(), "");
  EXPECT_EQ(journal->changes().size(), 1U);
}

TEST_F(LaterJournal, AFieldThatIsNotKnownIsPassedOver) {
  leave([](auto& update) {
    update.putChange(2, store::encode(test::sampleChange(2)) + "a later field");
  });
  const auto journal = Journal::open(dir_.path());
  EXPECT_EQ(journal->notice(), "");
  EXPECT_EQ(journal->change(2)->source, test::sampleChange(2).source);
}

}  // namespace
}  // namespace emlfs
