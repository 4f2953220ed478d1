// Tables of checked values: each value is followed on disk by a checksum over table, key and
// value, since LMDB has none and damage would be silently wrong data.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "store/lmdb.h"

namespace emlfs::store {

constexpr size_t kChecksumBytes = 8;

struct Table {
  MDB_dbi dbi = 0;
  uint64_t seed = 0;          // so that a value of one table is none of another
  bool mends = false;         // a damaged value is only written anew, and doesn't condemn the store
  std::string_view map = {};  // where large values lie, if their places have to be checked
};

// For damage that stays as long as the file does: condemns the store and throws Error(damaged).
[[noreturn]] void throwDamaged(MDB_txn* txn, const char* what);

// Opens the named table; `flags` is MDB_CREATE or 0. Absent if it doesn't exist and isn't made.
std::optional<Table> openTable(MDB_txn* txn, const char* name, uint64_t seed, unsigned flags);
uint64_t count(MDB_txn* txn, const Table& table);

// What follows a value on disk, in this machine's byte order.
uint64_t checksum(const Table& table, std::string_view key, std::string_view value);

// What get() returns points into the map: valid until the transaction ends or writes. It
// throws Error(damaged) if the checksum is wrong.
std::optional<std::string_view> get(MDB_txn* txn, const Table& table, std::string_view key);
bool exists(MDB_txn* txn, const Table& table, std::string_view key);  // checks nothing
void put(MDB_txn* txn, const Table& table, std::string_view key, std::string_view value);
void erase(MDB_txn* txn, const Table& table, std::string_view key);  // fine if it isn't there

// Walks a table in the order of keys. Stays right when the same transaction writes, if the next
// step is a seek(). Ends before its transaction.
class Cursor {
 public:
  Cursor(MDB_txn* txn, const Table& table);
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;
  ~Cursor() { mdb_cursor_close(cursor_); }

  bool seek(std::string_view key);  // to the first entry at or behind `key`
  // The same, if that entry's key begins with `prefix`.
  bool seek(std::string_view key, std::string_view prefix) {
    return seek(key) && this->key().starts_with(prefix);
  }
  // To the last entry before `key`, if its key begins with `prefix`.
  bool seekBefore(std::string_view key, std::string_view prefix);
  bool next();  // to the entry behind the one it is at; only where nobody writes meanwhile
  void erase();
  // Condemns the store and throws if LMDB would free other pages than the value's.
  void requireSoundPlace() const;

  std::string_view key() const { return bytes(key_); }
  std::string_view value() const;  // checked, as in get()
  size_t valueSize() const;        // without touching the value

 private:
  MDB_txn* const txn_;
  const Table table_;
  MDB_cursor* cursor_ = nullptr;
  MDB_val key_{};
  MDB_val value_{};
};

}  // namespace emlfs::store
