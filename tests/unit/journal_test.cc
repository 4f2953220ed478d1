#include "emlfs/store/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "store/journal_records.h"
#include "store/journal_tables.h"
#include "support/child.h"
#include "support/scratch_dir.h"
#include "unit/journal_samples.h"
#include "unit/journal_sync.h"

namespace emlfs {
namespace {

using store::Batch;
using store::Change;
using store::GivenName;
using store::Journal;
using test::sampleChange;
using testing::ElementsAre;
using testing::IsEmpty;

std::vector<uint64_t> numbers(const Journal& journal) {
  std::vector<uint64_t> all;
  for (const Change& change : journal.changes()) all.push_back(change.number);
  return all;
}

std::vector<uint64_t> add(Journal& journal, size_t count) {
  return journal.commit({.add = std::vector<Change>(count, sampleChange(7))});
}

Code codeOf(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.code;
  }
  ADD_FAILURE() << "nothing thrown";
  return Code::network;
}

TEST(Journal, NumbersFollowTheOrderAndAreNeverReused) {
  test::ScratchDir dir;
  {
    auto journal = Journal::open(dir.path());
    EXPECT_THAT(add(*journal, 3), ElementsAre(1, 2, 3));
    EXPECT_THAT(add(*journal, 1), ElementsAre(4));
    EXPECT_THAT(numbers(*journal), ElementsAre(1, 2, 3, 4));
    journal->commit({.remove = {1, 2, 3, 4}});
    EXPECT_THAT(journal->changes(), IsEmpty());
    EXPECT_EQ(journal->notice(), "");
  }
  for (uint64_t run = 5; run < 8; ++run) {
    auto journal = Journal::open(dir.path());
    EXPECT_THAT(add(*journal, 1), ElementsAre(run));
    journal->commit({.remove = {run}});
  }
}

TEST(Journal, KeepsEveryField) {
  test::ScratchDir dir;
  const Change whole = test::fullChange();
  Change expected = whole;
  {
    auto journal = Journal::open(dir.path());
    expected.number = journal->commit({.add = {whole}}).front();
    EXPECT_GT(journal->change(expected.number)->acknowledged, 1'600'000'000);
    expected.acknowledged = journal->change(expected.number)->acknowledged;
    EXPECT_EQ(journal->change(expected.number), expected);
  }
  auto journal = Journal::open(dir.path());
  EXPECT_THAT(journal->changes(), ElementsAre(expected));
  EXPECT_EQ(journal->change(expected.number + 1), std::nullopt);
}

TEST(Journal, KeepsEveryCode) {
  test::ScratchDir dir;
  std::vector<Change> changes;
  for (int code = 0; code <= static_cast<int>(Code::system); ++code) {
    changes.push_back(sampleChange(1));
    changes.back().error = static_cast<Code>(code);
  }
  Journal::open(dir.path())->commit({.add = changes});
  auto journal = Journal::open(dir.path());
  for (const Change& kept : journal->changes())
    EXPECT_EQ(kept.error, changes.at(kept.number - 1).error) << name(kept.error);
  EXPECT_THAT(numbers(*journal), testing::SizeIs(changes.size()));
}

TEST(Journal, KeepsLargeRecords) {
  test::ScratchDir dir;
  Change change = sampleChange(1);
  change.server = std::string(100'000, 'x');
  {
    auto journal = Journal::open(dir.path());
    journal->commit({.add = {change, sampleChange(2), change}});
    journal->commit({.remove = {1}});
  }
  auto journal = Journal::open(dir.path());
  EXPECT_EQ(journal->notice(), "");
  EXPECT_EQ(journal->change(3)->server, change.server);
  change.server = std::string(300'000, 'x');
  EXPECT_EQ(codeOf([&] { journal->commit({.add = {sampleChange(3), change}}); }), Code::invalid);
  EXPECT_THAT(numbers(*journal), ElementsAre(2, 3));
}

TEST(Journal, ABatchIsOne) {
  test::ScratchDir dir;
  auto journal = Journal::open(dir.path());
  add(*journal, 3);
  Change second = *journal->change(2);
  second.state = Change::State::begun;
  Change gone = second;
  gone.number = 77;
  const GivenName name{.key = {.id = MessageId{5}}, .directory = "INBOX", .name = "a.eml"};
  journal->commit({.add = {sampleChange(8)},
                   .update = {second, gone},
                   .remove = {1, 99},
                   .remove_names = {{.id = MessageId{6}}},
                   .put_names = {name}});
  EXPECT_THAT(numbers(*journal), ElementsAre(2, 3, 4));
  EXPECT_EQ(journal->change(2), second);
  EXPECT_EQ(journal->name({.id = MessageId{5}}), name);
  // One part that can't be keeps the whole from happening.
  EXPECT_EQ(codeOf([&] {
              journal->commit({.add = {sampleChange(8)},
                               .remove = {2},
                               .put_names = {{.key = {.id = MessageId{6}}, .name = ""}}});
            }),
            Code::invalid);
  EXPECT_EQ(codeOf([&] { journal->commit({.remove = {2}, .remove_names = {{}}}); }), Code::invalid);
  EXPECT_THAT(numbers(*journal), ElementsAre(2, 3, 4));
}

TEST(Journal, KeepsGivenNames) {
  test::ScratchDir dir;
  const std::string deep(700, 'd');  // more than a key can hold
  const GivenName on_server{.key = {.mailbox = deep, .uid_validity = 3, .uid = 9},
                            .directory = deep,
                            .name = "on server.eml"};
  const GivenName other_validity{.key = {.mailbox = deep, .uid_validity = 4, .uid = 9},
                                 .directory = deep,
                                 .name = "other.eml"};
  const GivenName here{.key = {.id = MessageId{12}}, .directory = "Sent", .name = "here.eml"};
  {
    auto journal = Journal::open(dir.path());
    journal->commit({.put_names = {on_server, other_validity, here}});
    GivenName again = here;
    again.name = "again.eml";
    journal->commit({.put_names = {again}});
    EXPECT_EQ(journal->name(here.key), again);
    journal->commit({.remove_names = {here.key}, .put_names = {here}});
  }
  auto journal = Journal::open(dir.path());
  EXPECT_EQ(journal->name(on_server.key), on_server);
  EXPECT_EQ(journal->name(here.key), here);
  EXPECT_EQ(journal->name({.mailbox = "d", .uid_validity = 3, .uid = 9}), std::nullopt);
  std::vector<std::string> all;
  journal->eachName([&](const GivenName& name) {
    all.push_back(name.name);
    return true;
  });
  EXPECT_THAT(all, testing::UnorderedElementsAre("on server.eml", "other.eml", "here.eml"));
  int calls = 0;
  journal->eachName([&](const GivenName&) { return ++calls < 2; });
  EXPECT_EQ(calls, 2);
  journal->commit({.remove_names = {on_server.key}});
  EXPECT_EQ(journal->name(on_server.key), std::nullopt);
  EXPECT_EQ(journal->name(other_validity.key), other_validity);
}

TEST(Journal, ANoteIsSeenAtOnceAndWrittenLater) {
  test::ScratchDir dir;
  Change noted;
  {
    auto journal = Journal::open(dir.path());
    add(*journal, 2);
    noted = *journal->change(1);
    noted.destination.uid = 4711;
    const auto commits = journal->stats().commits;
    journal->note(noted);
    EXPECT_EQ(journal->stats().commits, commits);
    EXPECT_EQ(journal->change(1), noted);
    EXPECT_EQ(journal->changes().front(), noted);
    Change gone = noted;
    gone.number = 50;
    journal->note(gone);
    EXPECT_EQ(journal->change(50), std::nullopt);
    EXPECT_THAT(numbers(*journal), ElementsAre(1, 2));
  }
  auto journal = Journal::open(dir.path());  // closing has written it
  EXPECT_EQ(journal->change(1), noted);
  EXPECT_EQ(journal->change(50), std::nullopt);
  // What is committed comes after what was noted.
  noted.destination.uid = 1;
  journal->note(noted);
  Change update = noted;
  update.state = Change::State::begun;
  journal->commit({.update = {update}});
  EXPECT_EQ(journal->change(1), update);
  journal->note(noted);
  journal->commit({.remove = {1}});
  EXPECT_EQ(journal->change(1), std::nullopt);
}

TEST(Journal, ANoteGoesWithTheNextCommit) {
  test::ScratchDir dir;
  test::Child child([&](int fd) {
    auto journal = Journal::open(dir.path());
    add(*journal, 2);
    Change change = *journal->change(1);
    change.destination.uid = 1;
    journal->note(change);
    add(*journal, 1);
    change.destination.uid = 2;
    journal->note(change);
    if (::write(fd, "r", 1) == 1) ::pause();
  });
  ASSERT_EQ(child.read(1), "r");
  child.kill();
  auto journal = Journal::open(dir.path());
  EXPECT_EQ(journal->change(1)->destination.uid, 1u);
  EXPECT_EQ(journal->stats().changes, 3u);
}

TEST(Journal, RecordsTolerateAddedFields) {
  const Change change = test::fullChange();
  std::string record = store::encode(change);
  EXPECT_EQ(store::decodeChange(change.number, record + "more"), change);
  // As an earlier emlfs wrote it.
  EXPECT_TRUE(change.deletion);
  const auto without_last = [&](size_t bytes) {
    return store::decodeChange(1, record.substr(0, record.size() - bytes));
  };
  EXPECT_TRUE(without_last(8).deletion);
  EXPECT_EQ(without_last(8).begun_at, 0);
  EXPECT_FALSE(without_last(9).deletion);
  EXPECT_THROW(without_last(10), Error);
  record[0] = 2;
  EXPECT_EQ(codeOf([&] { store::decodeChange(1, record); }), Code::invalid);
}

TEST(Journal, NamesThatAnEarlierOneWroteAreRead) {
  store::GivenName name{{"INBOX", 7, 5, {}}, "INBOX", "given.eml", {}, 0};
  const std::string record = store::encode(name);
  EXPECT_EQ(store::decodeGivenName(record.substr(0, record.size() - 12)), name);
}

TEST(Journal, RefusesALaterFormat) {
  test::ScratchDir dir;
  Journal::open(dir.path())->commit({.add = {sampleChange(1)}});
  {
    store::Environment environment(dir / "journal.mdb", store::kJournalFlags,
                                   store::kJournalMapBytes);
    const auto tables = store::openJournalTables(environment.get());
    store::WriteTransaction txn(environment.get());
    store::put(txn.get(), tables.meta, store::kFormatKey,
               store::stamped(9, std::string("\0\0\0\2", 4)));
    txn.commit();
  }
  EXPECT_EQ(codeOf([&] { Journal::open(dir.path()); }), Code::invalid);
  EXPECT_FALSE(std::filesystem::exists(dir / "journal.mdb.damaged-1"));
}

TEST(Journal, ShrinksAtTheNextStart) {
  test::ScratchDir dir;
  const std::string file = dir / "journal.mdb";
  {
    auto journal = Journal::open(dir.path());
    add(*journal, 60'000);
    std::vector<uint64_t> done = numbers(*journal);
    done.resize(done.size() - 2);
    journal->commit({.remove = done});
    EXPECT_GT(std::filesystem::file_size(file), 8u << 20);
  }
  auto journal = Journal::open(dir.path());
  EXPECT_LT(std::filesystem::file_size(file), 1u << 20);
  EXPECT_EQ(journal->notice(), "");
  EXPECT_THAT(numbers(*journal), ElementsAre(59'999, 60'000));
  EXPECT_FALSE(journal->changes().front().recovered);
  EXPECT_THAT(add(*journal, 1), ElementsAre(60'001));
}

TEST(Journal, IsPrivate) {
  test::ScratchDir dir;
  auto journal = Journal::open(dir / "state");
  struct stat file{};
  ASSERT_EQ(::stat((dir / "state").c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0700u);
  ASSERT_EQ(::stat((dir / "state/journal.mdb").c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600u);
}

TEST(Journal, ThoseWhoComeTogetherShareASync) {
  constexpr int kThreads = 16;
  constexpr int kEach = 50;
  test::ScratchDir dir;
  auto journal = Journal::open(dir.path());
  std::atomic<int> inside = 0;
  std::atomic<int> alive = kThreads;
  std::atomic<uint64_t> syncs = 0;
  // A disk that takes so long that everybody else comes meanwhile.
  test::SyncHook hook([&] {
    ++syncs;
    while (inside < alive) std::this_thread::yield();
    return 0;
  });
  std::vector<std::vector<uint64_t>> given(kThreads);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kThreads; ++i)
    threads.emplace_back([&, i] {
      for (int left = kEach; left > 0; --left) {
        ++inside;
        given[i].push_back(add(*journal, 2).front());
        --inside;
      }
      --alive;
    });
  for (std::thread& thread : threads) thread.join();
  const auto stats = journal->stats();
  EXPECT_EQ(stats.batches, uint64_t{kThreads} * kEach);
  EXPECT_EQ(stats.changes, uint64_t{kThreads} * kEach * 2);
  EXPECT_EQ(stats.commits, syncs);
  EXPECT_LT(stats.commits, stats.batches / 4);
  ::printf("%llu batches in %llu commits\n", static_cast<unsigned long long>(stats.batches),
           static_cast<unsigned long long>(stats.commits));
  std::vector<uint64_t> all;
  for (const auto& some : given) {
    EXPECT_TRUE(std::ranges::is_sorted(some));
    all.insert(all.end(), some.begin(), some.end());
  }
  std::ranges::sort(all);
  EXPECT_EQ(std::ranges::adjacent_find(all), all.end());
}

TEST(Journal, AFailedSyncIsNeverForgotten) {
  test::ScratchDir dir;
  {
    auto journal = Journal::open(dir.path());
    add(*journal, 1);
    {
      test::SyncHook hook([] { return EIO; });
      EXPECT_EQ(codeOf([&] { add(*journal, 3); }), Code::system);
    }
    EXPECT_EQ(codeOf([&] { add(*journal, 1); }), Code::system);
    EXPECT_EQ(codeOf([&] { journal->commit({.remove = {1}}); }), Code::system);
    EXPECT_THAT(numbers(*journal), ElementsAre(1));
  }
  auto journal = Journal::open(dir.path());
  EXPECT_EQ(journal->notice(), "");
  EXPECT_THAT(numbers(*journal), ElementsAre(1));
  EXPECT_THAT(add(*journal, 1), ElementsAre(2));
}

}  // namespace
}  // namespace emlfs
