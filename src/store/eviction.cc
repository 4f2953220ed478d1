#include "store/eviction.h"

#include <algorithm>

#include "emlfs/base/clock.h"
#include "store/update.h"

namespace emlfs::store {
namespace {

// Others wait for the writer's lock as long as a transaction takes: this, and its commit.
constexpr Milliseconds kTurn{20};
constexpr size_t kStampsEach = 4096;
// How many bodies are chosen at once: 1 MB of memory, however many there are.
constexpr size_t kChosenMost = 1 << 16;

struct Use {
  uint64_t when = 0;
  MessageId id;
  auto operator<=>(const Use&) const = default;
};

// Those used least recently, the oldest first.
std::vector<Use> oldestUses(MDB_txn* txn, const Tables& tables) {
  std::vector<Use> heap;  // the most recent of those chosen is on top
  Cursor cursor(txn, tables.uses);
  for (bool more = cursor.seek(idKey(0)); more; more = cursor.next()) {
    Use use{decodeId(cursor.value()), MessageId{decodeId(cursor.key())}};
    if (heap.size() == kChosenMost) {
      if (heap.front() < use) continue;
      std::pop_heap(heap.begin(), heap.end());
      heap.pop_back();
    }
    heap.push_back(use);
    std::push_heap(heap.begin(), heap.end());
  }
  std::sort_heap(heap.begin(), heap.end());
  return heap;
}

uint64_t evictUntil(Readers& readers, MDB_env* env, const Tables& tables, uint64_t bytes,
                    const std::function<bool()>& go_on) {
  uint64_t gone = 0;
  for (;;) {
    std::vector<Use> chosen;
    {
      ReadTransaction txn(readers);
      if (readTotals(txn.get(), tables).body_bytes <= bytes) return gone;
      chosen = oldestUses(txn.get(), tables);
    }
    for (auto use = chosen.begin(); use != chosen.end();) {
      if (!go_on()) return gone;
      auto update = beginUpdate(env, tables);
      const uint64_t before = update->bodyBytes();
      const Deadline turn = Deadline::after(kTurn);
      while (use != chosen.end() && update->bodyBytes() > bytes && !turn.passed()) {
        // It may have been used, or gone, since it was chosen.
        if (update->lastUse(use->id) != use->when || update->removeChunks(use->id, bytes, turn))
          ++use;
      }
      const uint64_t after = update->bodyBytes();
      update->commit();
      gone += before - after;
      if (after <= bytes) return gone;
    }
    if (chosen.empty()) return gone;
  }
}

}  // namespace

uint64_t evictBodies(Readers& readers, MDB_env* env, const Tables& tables, uint64_t bytes,
                     const std::function<bool()>& go_on) {
  const uint64_t gone = evictUntil(readers, env, tables, bytes, go_on);
  if (gone == 0) return gone;
  // LMDB uses again what a transaction freed when there has been another since. If the disk is
  // full, no other would succeed.
  auto update = beginUpdate(env, tables);
  update->touch();
  update->commit();
  return gone;
}

void stampUses(Readers& readers, MDB_env* env, const Tables& tables,
               const std::vector<MessageId>& used, uint64_t now, uint64_t grain) {
  std::vector<MessageId> due;
  {
    ReadTransaction txn(readers);
    for (MessageId id : used) {
      auto stamp = lastUse(txn.get(), tables, id);
      // A stamp of the future is one of a clock that was wrong.
      if (stamp && (*stamp > now || now - *stamp >= grain)) due.push_back(id);
    }
  }
  for (auto next = due.begin(); next != due.end();) {
    auto update = beginUpdate(env, tables);
    for (size_t left = kStampsEach; left > 0 && next != due.end(); --left)
      update->putUse(*next++, now);
    update->commit();
  }
}

}  // namespace emlfs::store
