// The cache's tables, and the version of their format.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "store/environment.h"
#include "store/records.h"
#include "store/value.h"

namespace emlfs::store {

struct Tables {
  Table meta;       // "format", "totals"
  Table settings;   // key -> value
  Table mailboxes;  // id -> MailboxRecord
  Table children;   // (parent, id) -> nothing: what keeps subdirectories() in order
  Table dirents;    // (directory, name) -> id of a mailbox or message
  Table messages;   // id -> MessageRecord
  Table uids;       // (mailbox, UID) -> id of a message; none for UID 0
  Table arrivals;   // (directory, id of a message) -> nothing: those that have arrived in it
  Table bodies;     // (message, chunk) -> bytes
  Table uses;       // id of a message with a body -> when it was last used, see nowStamp()

  std::array<Table*, 10> all() {
    return {&meta,     &settings, &mailboxes, &children, &dirents,
            &messages, &uids,     &arrivals,  &bodies,   &uses};
  }
};

// Opens the tables, in a new environment makes them. Absent if they are of an earlier format.
// Throws Error(invalid), having changed nothing, if they are of a later one.
std::optional<Tables> openTables(MDB_env* env);
// The same, but makes and writes nothing.
std::optional<Tables> findTables(MDB_env* env);

Totals readTotals(MDB_txn* txn, const Tables& tables);
// With the number of the transaction.
void writeTotals(MDB_txn* txn, const Tables& tables, Totals totals);

// When the body was last used; absent if there is none.
std::optional<uint64_t> lastUse(MDB_txn* txn, const Tables& tables, MessageId id);
// Microseconds since 1970.
uint64_t nowStamp();

// The data file of the cache in `directory`.
std::string cachePath(const std::string& directory);

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define EMLFS_SMALL_MAP
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define EMLFS_SMALL_MAP
#endif

// Sparse, and large from the start: growing a map that has readers isn't safe. The sanitizers leave
// mmap little of the address space.
#ifdef EMLFS_SMALL_MAP
constexpr size_t kCacheMapBytes = size_t{64} << 30;
#else
constexpr size_t kCacheMapBytes = size_t{1} << 40;
#endif
constexpr unsigned kCacheFlags = MDB_NOMETASYNC;

}  // namespace emlfs::store
