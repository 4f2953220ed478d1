#include "store/consistency.h"

#include <xxhash.h>

#include <algorithm>
#include <unordered_map>

#include "emlfs/base/error.h"

namespace emlfs::store {
namespace {

const std::string kFirst(1, '\0');

// A set of entries, in any order: equal sets have equal sums, and what damage makes of one set has
// another. So a table is held against what its records ask for without a look-up for each.
class Entries {
 public:
  void add(std::string_view key, std::string_view value) {
    ++count_;
    sum_ += XXH3_64bits_withSeed(value.data(), value.size(), XXH3_64bits(key.data(), key.size()));
  }
  bool operator==(const Entries&) const = default;

 private:
  uint64_t count_ = 0;
  uint64_t sum_ = 0;
};

class TableCheck {
 public:
  TableCheck(MDB_txn* txn, const Tables& tables) : txn_(txn), tables_(tables) {}

  Checked run() {
    totals_ = readTotals(txn_, tables_);
    same(totals_.transaction, mdb_txn_id(txn_), "the store has fallen back to an older state");
    each(tables_.settings, [](auto, auto) {});
    mailboxes();
    messages();
    same(entries(tables_.dirents), dirents_, "the names don't belong to the records");
    same(entries(tables_.children), children_, "the directories don't belong to their parents");
    same(entries(tables_.uids), uids_, "the UIDs don't belong to the messages");
    same(entries(tables_.arrivals), arrivals_, "what has arrived doesn't belong to the messages");
    bodies();
    return checked_;
  }

 private:
  template <class Value>
  void same(const Value& is, const Value& should, const char* what) const {
    if (!(is == should)) throwDamaged(txn_, what);
  }

  template <class Each>
  void each(const Table& table, Each each) {
    Cursor cursor(txn_, table);
    for (bool more = cursor.seek(kFirst); more; more = cursor.next()) {
      const std::string_view value = cursor.value();
      cursor.requireSoundPlace();
      ++checked_.values;
      checked_.bytes += cursor.key().size() + value.size();
      each(cursor.key(), value);
    }
  }

  Entries entries(const Table& table) {
    Entries found;
    each(table, [&](auto key, auto value) { found.add(key, value); });
    return found;
  }

  void mailboxes() {
    std::vector<MailboxRecord> records;
    each(tables_.mailboxes, [&](auto key, auto value) {
      records.push_back(decodeMailbox(MailboxId{decodeId(key)}, value));
      const MailboxRecord& record = records.back();
      count_below_.try_emplace(record.id);
      seen(record.id.value & ~kDirectoryBit);
    });
    count_below_.try_emplace(kRoot);
    for (const MailboxRecord& record : records) {
      if (record.id == kRoot) continue;
      auto parent = count_below_.find(record.parent);
      if (parent == count_below_.end()) throwDamaged(txn_, "a directory has no parent");
      if (record.hidden) continue;
      ++parent->second;
      dirents_.add(nameKey(record.parent, record.name), encodeId(record.id.value));
      children_.add(childKey(record.parent, record.id.value), {});
    }
    for (const MailboxRecord& record : records)
      same(record.subdirectories, count_below_[record.id], "a directory counts its own wrongly");
  }

  void messages() {
    each(tables_.messages, [&](auto key, auto value) {
      MessageRecord record = decodeMessage(MessageId{decodeId(key)}, value);
      const std::string id = encodeId(record.id.value);
      if (!count_below_.contains(record.mailbox)) throwDamaged(txn_, "a message has no mailbox");
      if (const auto directory = shownIn(record)) {
        if (!count_below_.contains(*directory)) throwDamaged(txn_, "a message has no directory");
        dirents_.add(nameKey(*directory, record.name), id);
      }
      if (record.shown == Shown::arrived)
        arrivals_.add(childKey(record.directory, record.id.value), {});
      if (record.uid != 0) uids_.add(pairKey(record.mailbox.value, record.uid), id);
      seen(record.id.value);
    });
  }

  // All three tables are in the order of the ids.
  void bodies() {
    Totals found;
    Cursor bodies(txn_, tables_.bodies);
    Cursor messages(txn_, tables_.messages);
    bool more = bodies.seek(kFirst);
    bool found_message = messages.seek(kFirst);
    each(tables_.uses, [&](auto key, auto) {
      while (found_message && messages.key() < key) found_message = messages.next();
      if (!more || !bodies.key().starts_with(key) || !found_message || messages.key() != key)
        throwDamaged(txn_, "a body is missing, or its message");
      for (; more && bodies.key().starts_with(key); more = bodies.next())
        found.body_bytes += bodies.valueSize();
      ++found.bodies;
    });
    if (more) throwDamaged(txn_, "a body has no stamp");
    same(found.bodies, totals_.bodies, "the bodies are not as many as they should be");
    same(found.body_bytes, totals_.body_bytes, "the bodies are not as long as they should be");
  }

  void seen(uint64_t id) const {
    if (id > totals_.highest_id) throwDamaged(txn_, "an id is above the highest");
  }

  MDB_txn* const txn_;
  const Tables& tables_;
  Totals totals_;
  Checked checked_;
  std::unordered_map<MailboxId, uint32_t> count_below_;  // of directories
  Entries dirents_;
  Entries children_;
  Entries uids_;
  Entries arrivals_;
};

}  // namespace

Checked checkTables(MDB_txn* txn, const Tables& tables) {
  return TableCheck(txn, tables).run();
}

}  // namespace emlfs::store
