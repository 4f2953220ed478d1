// The tables of the journal's environment, and its one way to write them.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "emlfs/store/journal.h"
#include "store/environment.h"
#include "store/journal_records.h"
#include "store/value.h"

namespace emlfs::store {

inline constexpr size_t kJournalMapBytes = size_t{4} << 30;  // address space, not disk
inline constexpr unsigned kJournalFlags = 0;                 // every commit is synced
inline constexpr std::string_view kFormatKey = "format";
inline constexpr std::string_view kStateKey = "state";

struct JournalTables {
  Table meta{.seed = 101};
  Table changes{.seed = 102};  // number -> Change
  Table names{.seed = 103};    // nameKey() -> GivenName
};

// Makes what isn't there. Throws Error(invalid) for a later format.
JournalTables openJournalTables(MDB_env* env);

// A writing transaction that keeps the state up to date.
class JournalUpdate {
 public:
  JournalUpdate(MDB_env* env, const JournalTables& tables);
  uint64_t takeNumber() { return state_.next++; }
  void setNext(uint64_t number) { state_.next = number; }
  bool has(uint64_t number) const { return exists(txn_.get(), tables_.changes, changeKey(number)); }
  void putChange(uint64_t number, std::string_view record);
  void removeChange(uint64_t number);
  void putName(std::string_view key, std::string_view record);
  void removeName(std::string_view key);
  // The last chance to fail with everything as it was. commit() is all that may follow.
  void writeState();
  void commit() { txn_.commit(); }

 private:
  bool forget(const Table& table, std::string_view key);
  void put(const Table& table, std::string_view key, std::string_view record);

  WriteTransaction txn_;
  const JournalTables& tables_;
  const uint64_t transaction_;
  JournalState state_;
};

}  // namespace emlfs::store
