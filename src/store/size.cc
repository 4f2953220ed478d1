#include "store/size.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "emlfs/base/error.h"

namespace emlfs::store {
namespace {

// In the file, and neither in a tree nor a header. LMDB numbers its own two trees 0 and 1.
uint64_t freeBytes(MDB_env* env, MDB_txn* txn, Tables tables) {
  MDB_envinfo info;
  check(mdb_env_info(env, &info), "reading the store's header");
  std::vector<MDB_dbi> trees = {0, 1};
  for (const Table* table : tables.all()) trees.push_back(table->dbi);
  MDB_stat stat{};
  size_t used = 2;
  for (MDB_dbi tree : trees) {
    check(mdb_stat(txn, tree, &stat), "reading the store");
    used += stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
  }
  const size_t pages = info.me_last_pgno + 1;
  return (pages - std::min(used, pages)) * stat.ms_psize;
}

uint64_t countMailboxes(MDB_txn* txn, const Tables& tables) {
  uint64_t mailboxes = 0;
  Cursor cursor(txn, tables.mailboxes);
  for (bool more = cursor.seek(idKey(0)); more; more = cursor.next())
    if (decodeMailbox(MailboxId{decodeId(cursor.key())}, cursor.value()).selectable) ++mailboxes;
  return mailboxes;
}

}  // namespace

CacheSize sizeOf(MDB_env* env, MDB_txn* txn, const Tables& tables) {
  Totals totals = readTotals(txn, tables);
  mdb_filehandle_t fd = -1;
  struct stat file;
  check(mdb_env_get_fd(env, &fd), "looking at the cache's file");
  if (::fstat(fd, &file) != 0) throw systemError("looking at the cache's file", errno);
  return {.bodies = totals.bodies,
          .body_bytes = totals.body_bytes,
          .messages = count(txn, tables.messages),
          .mailboxes = countMailboxes(txn, tables),
          .file_bytes = static_cast<uint64_t>(file.st_blocks) * 512,
          .free_bytes = freeBytes(env, txn, tables)};
}

}  // namespace emlfs::store
