#include "support/cache_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "store/tables.h"

namespace emlfs::test {
namespace {

using namespace store;

class Checker {
 public:
  Checker(MDB_txn* txn, const Tables& tables) : txn_(txn), tables_(tables) {}

  std::vector<std::string> run() {
    mailboxes();
    messages();
    bodies();
    same("stamps", count(txn_, tables_.uses), bodies_.size());
    same("children", count(txn_, tables_.children), directories_);
    same("dirents", count(txn_, tables_.dirents), directories_ + shown_);
    same("arrivals", count(txn_, tables_.arrivals), arrivals_);
    same("uids", count(txn_, tables_.uids), uids_);
    Totals totals = readTotals(txn_, tables_);
    same("bodies in the totals", totals.bodies, bodies_.size());
    same("bytes in the totals", totals.body_bytes, body_bytes_);
    if (totals.highest_id < highest_)
      problem("the highest id is {}, not {}", totals.highest_id, highest_);
    return std::move(problems_);
  }

 private:
  template <class... Args>
  void problem(fmt::format_string<Args...> format, Args&&... args) {
    problems_.push_back(fmt::format(format, std::forward<Args>(args)...));
  }

  void same(const char* what, uint64_t is, uint64_t should) {
    if (is != should) problem("{}: {} instead of {}", what, is, should);
  }

  template <class Each>
  void all(const Table& table, Each each) {
    std::string next(1, '\0');
    for (Cursor cursor(txn_, table); cursor.seek(next); next = behind(cursor.key()))
      each(cursor.key(), cursor.value());
  }

  void pointsTo(const char* what, const Table& table, const std::string& key, uint64_t id) {
    auto found = get(txn_, table, key);
    if (!found) return problem("{} of {} is missing", what, id);
    if (decodeId(*found) != id) problem("{} of {} is {}", what, id, decodeId(*found));
  }

  void mailboxes() {
    std::map<MailboxId, uint32_t> children;
    std::vector<MailboxRecord> records;
    all(tables_.mailboxes, [&](std::string_view key, std::string_view value) {
      MailboxId id{decodeId(key)};
      MailboxRecord record = decodeMailbox(id, value);
      highest_ = std::max(highest_, id.value & ~kDirectoryBit);
      if (id != kRoot && !record.hidden) {
        ++directories_;
        ++children[record.parent];
        pointsTo("the dirent", tables_.dirents, nameKey(record.parent, record.name), id.value);
        if (!get(txn_, tables_.children, childKey(record.parent, id.value)))
          problem("{} is missing in its parent {}", id.value, record.parent.value);
      }
      ids_.insert(id);
      records.push_back(std::move(record));
    });
    for (const MailboxRecord& record : records) {
      same("subdirectories", record.subdirectories, children[record.id]);
      if (record.id != kRoot && record.parent != kRoot && !ids_.contains(record.parent))
        problem("the parent {} of {} is missing", record.parent.value, record.id.value);
    }
  }

  void messages() {
    all(tables_.messages, [&](std::string_view key, std::string_view value) {
      MessageId id{decodeId(key)};
      MessageRecord record = decodeMessage(id, value);
      highest_ = std::max(highest_, id.value);
      if (!ids_.contains(record.mailbox)) problem("the mailbox of {} is missing", id.value);
      if (record.shown != Shown::hidden) {
        const MailboxId directory =
            record.shown == Shown::arrived ? record.directory : record.mailbox;
        if (!ids_.contains(directory)) problem("the directory of {} is missing", id.value);
        ++shown_;
        pointsTo("the dirent", tables_.dirents, nameKey(directory, record.name), id.value);
        if (record.shown == Shown::arrived) {
          ++arrivals_;
          if (!get(txn_, tables_.arrivals, childKey(directory, id.value)))
            problem("{} is missing among the arrivals", id.value);
        }
      }
      if (record.uid == 0) return;
      ++uids_;
      pointsTo("the UID", tables_.uids, pairKey(record.mailbox.value, record.uid), id.value);
    });
  }

  void bodies() {
    all(tables_.bodies, [&](std::string_view key, std::string_view value) {
      uint64_t id = decodeId(key.substr(0, 8));
      if (!get(txn_, tables_.messages, idKey(id))) problem("{} has a body but no record", id);
      if (bodies_.insert(id).second && !get(txn_, tables_.uses, idKey(id)))
        problem("the body of {} has no stamp", id);
      body_bytes_ += value.size();
    });
  }

  MDB_txn* const txn_;
  const Tables& tables_;
  std::vector<std::string> problems_;
  std::set<MailboxId> ids_;
  std::set<uint64_t> bodies_;
  uint64_t directories_ = 0;
  uint64_t uids_ = 0;
  uint64_t shown_ = 0;
  uint64_t arrivals_ = 0;
  uint64_t body_bytes_ = 0;
  uint64_t highest_ = 0;
};

}  // namespace

std::vector<std::string> checkCache(const std::string& directory) {
  Environment environment(cachePath(directory), kCacheFlags, kCacheMapBytes);
  auto tables = openTables(environment.get());
  if (!tables) return {"the cache is of another format"};
  Readers readers(environment.get());
  ReadTransaction txn(readers);
  return Checker(txn.get(), *tables).run();
}

}  // namespace emlfs::test
