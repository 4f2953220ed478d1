// A cache file damaged at random, 200 times: no wrong value is given, nothing is silently missing,
// and at most one process crashes on it.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>

#include "emlfs/base/error.h"
#include "emlfs/store/cache.h"
#include "support/cache_samples.h"
#include "support/child.h"
#include "support/scratch_dir.h"

namespace emlfs {
namespace {

namespace fs = std::filesystem;
using store::Cache;
using test::mailboxId;
using test::sampleMailbox;
using test::sampleMessage;

constexpr Uid kMessages = 240;
constexpr uint64_t kMailboxes = 3;  // 2, 3, 4
constexpr size_t kPage = 4096;

MessageId idOf(Uid uid) {
  return MessageId{10 + uid};
}
MailboxId mailboxOf(Uid uid) {
  return mailboxId(2 + uid % kMailboxes);
}
// Small ones, of one page, of a few, and a chunk of full length.
std::string body(Uid uid, uint32_t chunk) {
  constexpr size_t kSizes[] = {300, 1500, 4000, 20'000, store::kChunkBytes};
  const size_t size = chunk == 0 && uid % 20 == 0 ? kSizes[4] : kSizes[(uid + chunk) % 4];
  std::string bytes(size, '\0');
  std::minstd_rand random(uid * 7 + chunk + 1);
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}
uint32_t chunks(Uid uid) {
  return uid % 20 == 0 ? 2 : uid % 3 == 0 ? 0 : 1;
}
void putBody(store::Update& update, Uid uid) {
  for (uint32_t chunk = 0; chunk < chunks(uid); ++chunk)
    update.putChunk(idOf(uid), chunk, body(uid, chunk));
}
// In the second state a third of the messages is gone.
bool present(Uid uid, bool second) {
  return !second || uid % 3 != 1;
}

void fill(const std::string& directory) {
  auto cache = Cache::open(directory);
  for (int round = 0; round < 3; ++round) {  // pages become free, and are used again
    auto update = cache->begin();
    for (uint64_t i = 0; i < kMailboxes; ++i)
      update->putMailbox(sampleMailbox(2 + i, "box" + std::to_string(i)));
    for (Uid uid = 1; uid <= kMessages; ++uid) {
      update->putMessage(sampleMessage(10 + uid, mailboxOf(uid), uid));
      putBody(*update, uid);
    }
    update->putSetting("server", "example.org");
    update->commit();
    update = cache->begin();
    for (Uid uid = 1 + static_cast<Uid>(round); uid <= kMessages; uid += 5)
      update->removeMessage(idOf(uid));
    update->commit();
    cache->evict(cache->size().body_bytes * 2 / 3, [] { return true; });
  }
  auto update = cache->begin();
  for (Uid uid = 1; uid <= kMessages; ++uid) {
    update->putMessage(sampleMessage(10 + uid, mailboxOf(uid), uid));
    putBody(*update, uid);
  }
  update->commit();
}

struct Wrong {
  std::string what;
};
void require(bool good, const char* what, Uid uid = 0) {
  if (!good) throw Wrong{what + (" " + std::to_string(uid))};
}

// Compares everything with the truth; a chunk may be damaged, and say so, or be gone. Returns how
// many are.
int readAll(const Cache& cache, bool second) {
  auto snapshot = cache.snapshot();
  int lost = 0;
  require(snapshot->setting("server") == "example.org", "setting");
  require(snapshot->mailboxes().size() == kMailboxes, "mailboxes");
  uint64_t directories = 0;
  snapshot->subdirectories(kRoot, 0, [&](const store::MailboxRecord& record) {
    auto found = snapshot->find(kRoot, record.name);
    require(found && found->node == record.id.value, "mailbox");
    ++directories;
    return true;
  });
  require(directories == kMailboxes, "directories");
  std::map<uint64_t, Uid> listed;
  for (uint64_t i = 0; i < kMailboxes; ++i)
    snapshot->messages(mailboxId(2 + i), 0, [&](const store::MessageRecord& record) {
      listed[record.id.value] = record.uid;
      return true;
    });
  for (Uid uid = 1; uid <= kMessages; ++uid) {
    const auto truth = sampleMessage(10 + uid, mailboxOf(uid), uid);
    auto record = snapshot->message(idOf(uid));
    auto by_name = snapshot->find(mailboxOf(uid), truth.name);
    auto by_uid = snapshot->byUid(mailboxOf(uid), uid);
    const bool there = present(uid, second);
    require(record.has_value() == there && by_name.has_value() == there &&
                by_uid.has_value() == there && listed.contains(truth.id.value) == there,
            "message", uid);
    if (!there) continue;
    require(record->name == truth.name && record->flags == truth.flags &&
                record->size == truth.size && record->message_id == truth.message_id &&
                record->uid == uid && record->mailbox == truth.mailbox &&
                by_name->node == truth.id.value && *by_uid == truth.id &&
                listed[truth.id.value] == uid,
            "record", uid);
    for (uint32_t chunk = 0; chunk <= chunks(uid); ++chunk) {
      try {
        auto bytes = snapshot->chunk(truth.id, chunk);
        if (!bytes && chunk < chunks(uid)) ++lost;
        require(!bytes || (chunk < chunks(uid) && *bytes == body(uid, chunk)), "body", uid);
      } catch (const Error& error) {
        require(error.code == Code::damaged, error.what(), uid);
        ++lost;
      }
    }
  }
  return lost;
}

// What one process sees of the cache. A letter: right, l(ost chunks), emptied by this opening, new
// (and empty), damaged (while in use), or wrong.
char see(const std::string& directory, bool change) {
  try {
    fs::remove(directory + "/cache.mdb.damaged");
    auto cache = Cache::open(directory);
    if (cache->size().messages == 0)
      return fs::exists(directory + "/cache.mdb.damaged") ? 'e' : 'n';
    const bool second = cache->snapshot()->setting("second").has_value();
    const int lost = readAll(*cache, second);
    if (!change) return lost > 0 ? 'l' : 'r';
    auto update = cache->begin();
    for (Uid uid = 1; uid <= kMessages; ++uid) {
      if (!present(uid, true)) update->removeMessage(idOf(uid));
      if (present(uid, true) && uid % 2 == 0) putBody(*update, uid);
    }
    update->putSetting("second", "");
    update->commit();
    readAll(*cache, true);
    cache->evict(cache->size().body_bytes / 2, [] { return true; });
    update = cache->begin();
    for (Uid uid = 1; uid <= kMessages; ++uid) putBody(*update, uid);
    update->commit();
    require(readAll(*cache, true) == 0, "not mended");
    return lost > 0 ? 'l' : 'r';
  } catch (const Error& error) {
    if (error.code == Code::damaged) return 'd';
    ::dprintf(2, "%s\n", error.what());
  } catch (const Wrong& wrong) {
    ::dprintf(2, "wrong: %s\n", wrong.what.c_str());
  }
  return 'w';
}

// Empty if the process crashed.
std::string seeApart(const std::string& directory, bool change) {
  test::Child child([&](int fd) {
    const char seen = see(directory, change);
    if (::write(fd, &seen, 1) != 1) ::_exit(1);
  });
  return child.read(1);
}

void damage(std::string& bytes, std::minstd_rand& random, unsigned kind) {
  const size_t pages = bytes.size() / kPage;
  const auto at = [&] { return random() % bytes.size(); };
  switch (kind % 5) {
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
    default: {
      const size_t begin = at();
      const size_t end = std::min(bytes.size(), begin + random() % (3 * kPage) + 1);
      for (size_t i = begin; i < end; ++i) bytes[i] = static_cast<char>(random());
    }
  }
}

// Where not a byte is left there is nothing to put aside.
TEST(CacheCorruption, OnlyAnEmptyFileIsANewCache) {
  test::ScratchDir dir;
  fill(dir.path());
  for (const size_t left : {kPage + 1, kPage, size_t{100}, size_t{1}, size_t{0}}) {
    fs::resize_file(dir / "cache.mdb", left);
    EXPECT_EQ(seeApart(dir.path(), false), left == 0 ? "n" : "e") << left;
  }
}

TEST(CacheCorruption, NothingWrongIsEverGiven) {
  const auto seed = static_cast<unsigned>(std::random_device()());
  std::minstd_rand random(seed);
  test::ScratchDir dir;
  fill(dir.path());
  const std::string file = dir / "cache.mdb";
  std::string whole;
  {
    std::ifstream in(file, std::ios::binary);
    whole.assign(std::istreambuf_iterator<char>(in), {});
  }
  ASSERT_EQ(seeApart(dir.path(), false), "r");
  std::map<std::string, int> first;
  std::map<std::string, int> then;
  constexpr unsigned kRounds = 200;
  for (unsigned round = 0; round < kRounds; ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", round " + std::to_string(round));
    std::string bytes = whole;
    damage(bytes, random, round);
    std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
    fs::remove(file + ".condemned");
    const std::string seen = seeApart(dir.path(), true);
    const std::string again = seeApart(dir.path(), false);
    ++first[seen];
    ++then[again];
    EXPECT_TRUE(seen != "w" && (seen != "n" || bytes.empty())) << seen;
    // After a crash, or damage seen in use, the next start is clean.
    const bool sound = seen == "r" || seen == "l";
    EXPECT_EQ(again, sound ? "r" : seen == "e" || seen == "n" ? "n" : "e");
  }
  ::printf(
      "seed %u: %u corruptions: %d not noticed, %d with chunks fetched again, %d made anew at "
      "the start, %d found in use, %d crashes, %d wrong\n",
      seed, kRounds, first["r"], first["l"], first["e"], first["d"], first[""], first["w"]);
  EXPECT_GT(first["e"], 0);
}

}  // namespace
}  // namespace emlfs
