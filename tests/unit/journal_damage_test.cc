// A journal file damaged at random: nobody crashes on it, nothing is invented, and what is missing
// is told of.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <set>

#include "emlfs/store/journal.h"
#include "store/journal_records.h"
#include "support/child.h"
#include "support/scratch_dir.h"
#include "unit/journal_samples.h"

namespace emlfs {
namespace {

namespace fs = std::filesystem;
using store::Change;
using store::GivenName;
using store::Journal;

constexpr size_t kPage = 4096;

std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// What was ever written, and what is there now.
struct Truth {
  std::map<uint64_t, std::set<std::string>> history;
  std::map<uint64_t, std::string> now;
  std::map<std::string, std::string> names;
  uint64_t highest = 0;
};

Change changeOf(uint64_t seed, Change::State state) {
  Change change = test::sampleChange(seed);
  change.state = state;
  if (seed % 25 == 0) change.server = std::string(3000 + seed * 10, 's');  // pages of its own
  return change;
}

// Many small transactions, as in use; the last removes, updates and adds.
Truth fill(const std::string& directory) {
  Truth truth;
  auto journal = Journal::open(directory);
  const auto know = [&] {
    truth.now.clear();
    for (const Change& change : journal->changes()) {
      truth.highest = std::max(truth.highest, change.number);
      truth.now[change.number] = encode(change);
      truth.history[change.number].insert(truth.now[change.number]);
    }
  };
  for (uint64_t round = 0; round < 12; ++round) {
    store::Batch batch;
    for (uint64_t i = 0; i < 15; ++i)
      batch.add.push_back(changeOf(round * 15 + i, Change::State::pending));
    for (const auto& [number, bytes] : truth.now) {
      if (number % 3 == round % 3 && number % 2 == 0) batch.remove.push_back(number);
      if (number % 3 == round % 3 && number % 2 == 1) {
        batch.update.push_back(*journal->change(number));
        batch.update.back().state = static_cast<Change::State>(round % 4);
      }
    }
    const GivenName name{.key = {.mailbox = "INBOX", .uid_validity = 1, .uid = Uid(1 + round % 9)},
                         .directory = "INBOX",
                         .name = "name-" + std::to_string(round)};
    batch.put_names = {name};
    truth.names[nameKey(name.key)] = name.name;
    journal->commit(batch);
    know();
  }
  return truth;
}

struct Wrong {
  std::string what;
};
void require(bool good, const std::string& what) {
  if (!good) throw Wrong{what};
}

// How many of the changes are there. Throws Wrong for what never was, and for what is missing or
// old without a word about it.
size_t check(const Journal& journal, const Truth& truth) {
  size_t there = 0;
  for (const Change& change : journal.changes()) {
    Change as_written = change;
    as_written.recovered = false;
    const std::string bytes = encode(as_written);
    const auto history = truth.history.find(change.number);
    require(history != truth.history.end() && history->second.contains(bytes),
            "invented " + std::to_string(change.number));
    const auto now = truth.now.find(change.number);
    if (!change.recovered)
      require(now != truth.now.end() && now->second == bytes,
              "old and not said to be " + std::to_string(change.number));
    require(!change.recovered || !journal.notice().empty(), "recovered from nothing");
    if (now != truth.now.end()) ++there;
  }
  size_t names = 0;
  journal.eachName([&](const GivenName& name) {
    require(name.name.starts_with("name-"), "invented a name");
    const auto now = truth.names.find(nameKey(name.key));
    require(now != truth.names.end(), "invented a key");
    if (now->second == name.name) ++names;
    return true;
  });
  if (journal.notice().empty())
    require(there == truth.now.size() && names == truth.names.size(), "missing without a word");
  if (there < truth.now.size())
    require(journal.notice().find("lost") != std::string::npos, "lost and not said to be");
  if (journal.notice().find("all ") != std::string::npos)
    require(there == truth.now.size() && names == truth.names.size(), "not all");
  return there;
}

struct Seen {
  char how = 'c';  // (c)rashed, (r)ight, mended with (a)ll, mended with (l)osses, (w)rong
  uint32_t there = 0;
};

Seen see(const std::string& directory, const Truth& truth) {
  try {
    const std::string damaged = slurp(directory + "/journal.mdb");
    Seen seen;
    std::string notice;
    {
      auto journal = Journal::open(directory);
      notice = journal->notice();
      seen.there = static_cast<uint32_t>(check(*journal, truth));
      seen.how = notice.empty() ? 'r' : seen.there == truth.now.size() ? 'a' : 'l';
      const auto number = journal->commit({.add = {test::sampleChange(1)}}).front();
      require(number > truth.highest, "a number was reused");
      journal->commit({.remove = {number}});
    }
    const std::string aside = directory + "/journal.mdb.damaged-1";
    require(!notice.empty() || !fs::exists(aside), "kept without a reason");
    if (!notice.empty() && notice.find("missing") == std::string::npos)
      require(slurp(aside) == damaged, "the damaged file was not kept");
    auto journal = Journal::open(directory);
    require(journal->notice().empty(), "damaged again: " + journal->notice());
    require(journal->changes().size() >= seen.there, "lost by reopening");
    return seen;
  } catch (const std::exception& error) {
    ::dprintf(2, "%s\n", error.what());
  } catch (const Wrong& wrong) {
    ::dprintf(2, "wrong: %s\n", wrong.what.c_str());
  }
  return {'w', 0};
}

Seen seeApart(const std::string& directory, const Truth& truth) {
  test::Child child([&](int fd) {
    const Seen seen = see(directory, truth);
    if (::write(fd, &seen, sizeof seen) != sizeof seen) ::_exit(1);
  });
  const std::string bytes = child.read(sizeof(Seen));
  Seen seen;
  if (bytes.size() == sizeof seen) std::memcpy(&seen, bytes.data(), sizeof seen);
  return seen;
}

// `used` is how far the file holds anything.
void damage(std::string& bytes, size_t used, std::minstd_rand& random, unsigned kind) {
  const size_t pages = used / kPage;
  const auto at = [&] { return random() % used; };
  switch (kind % 7) {
    case 0:
      bytes.resize(random() % 2 == 0 ? at() : random() % pages * kPage);
      break;
    case 1:
      for (size_t left = random() % 3 + 1; left > 0; --left)
        bytes.replace(random() % pages * kPage, kPage, kPage, '\0');
      break;
    case 2:
      for (size_t left = random() % 20 + 1; left > 0; --left)
        bytes[at()] ^= static_cast<char>(1 << random() % 8);
      break;
    case 3: {  // a bit in the head of a page
      const size_t page = random() % pages * kPage;
      bytes[page + random() % 64] ^= static_cast<char>(1 << random() % 8);
      break;
    }
    case 4: {  // a bit in a header's numbers
      const size_t page = random() % 2 * kPage;
      bytes[page + random() % 152] ^= static_cast<char>(1 << random() % 8);
      break;
    }
    case 5: {  // one page in place of another
      const std::string page = bytes.substr(random() % pages * kPage, kPage);
      bytes.replace(random() % pages * kPage, kPage, page);
      break;
    }
    default: {
      const size_t begin = at();
      const size_t end = std::min(used, begin + random() % (3 * kPage) + 1);
      for (size_t i = begin; i < end; ++i) bytes[i] = static_cast<char>(random());
    }
  }
}

void clean(const std::string& directory) {
  for (const auto& entry : fs::directory_iterator(directory)) fs::remove(entry.path());
}

TEST(JournalDamage, NothingIsDroppedSilentlyOrInvented) {
  const auto seed = static_cast<unsigned>(std::random_device()());
  std::minstd_rand random(seed);
  test::ScratchDir dir;
  const Truth truth = fill(dir.path());
  const std::string whole = slurp(dir / "journal.mdb");
  const size_t used = (whole.find_last_not_of('\0') / kPage + 1) * kPage;
  ASSERT_EQ(seeApart(dir.path(), truth).how, 'r');
  std::map<char, int> seen;
  constexpr unsigned kRounds = 210;
  uint64_t missing = 0;
  for (unsigned round = 0; round < kRounds; ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", round " + std::to_string(round));
    clean(dir.path());
    std::string bytes = whole;
    damage(bytes, used, random, round);
    std::ofstream(dir / "journal.mdb", std::ios::binary) << bytes;
    const Seen one = seeApart(dir.path(), truth);
    ++seen[one.how];
    EXPECT_TRUE(one.how == 'r' || one.how == 'a' || one.how == 'l') << one.how;
    if (one.how == 'l') missing += truth.now.size() - one.there;
  }
  ::printf(
      "seed %u, %zu changes in %zu pages, %u damages: %d harmless, %d mended with every change, %d "
      "with losses (%.1f changes each), %d crashes, %d wrong\n",
      seed, truth.now.size(), used / kPage, kRounds, seen['r'], seen['a'], seen['l'],
      seen['l'] == 0 ? 0.0 : static_cast<double>(missing) / seen['l'], seen['c'], seen['w']);
  EXPECT_GT(seen['a'], 0);
  EXPECT_GT(seen['l'], 0);
}

TEST(JournalDamage, EachOneIsKept) {
  test::ScratchDir dir;
  for (int run = 1; run <= 3; ++run) {
    Journal::open(dir.path())->commit({.add = {test::sampleChange(1)}});
    std::ofstream(dir / "journal.mdb") << std::string(10'000, static_cast<char>('a' + run));
    const auto notice = Journal::open(dir.path())->notice();
    const std::string kept = dir / ("journal.mdb.damaged-" + std::to_string(run));
    EXPECT_NE(notice.find(kept), std::string::npos) << notice;
    EXPECT_EQ(slurp(kept), std::string(10'000, static_cast<char>('a' + run)));
  }
}

TEST(JournalDamage, AMissingJournalIsTold) {
  test::ScratchDir dir;
  Journal::open(dir.path())->commit({.add = {test::sampleChange(1)}});
  fs::remove(dir / "journal.mdb");
  {
    auto journal = Journal::open(dir.path());
    EXPECT_NE(journal->notice().find("missing"), std::string::npos);
    EXPECT_GT(journal->commit({.add = {test::sampleChange(1)}}).front(), 1'000'000u);
  }
  EXPECT_EQ(Journal::open(dir.path())->notice(), "");
}

}  // namespace
}  // namespace emlfs
