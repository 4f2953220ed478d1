#include "store/value.h"

#include <xxhash.h>

#include <algorithm>
#include <cstring>

#include "emlfs/base/error.h"
#include "store/environment.h"
#include "store/pages.h"

namespace emlfs::store {
namespace {

constexpr const char* kWrongValue = "the store doesn't hold what was put into it";

// Damage of LMDB's trees is for good.
void checkTree(MDB_txn* txn, int code, const char* doing) {
  if (code == MDB_CORRUPTED || code == MDB_PAGE_NOTFOUND || code == MDB_CURSOR_FULL)
    condemn(mdb_txn_env(txn), mdb_strerror(code));
  check(code, doing);
}

size_t payloadSize(MDB_txn* txn, size_t stored) {
  if (stored < kChecksumBytes) throwDamaged(txn, kWrongValue);
  return stored - kChecksumBytes;
}

std::string_view checked(MDB_txn* txn, const Table& table, std::string_view key,
                         std::string_view stored) {
  std::string_view payload = stored.substr(0, payloadSize(txn, stored.size()));
  uint64_t sum = 0;
  std::memcpy(&sum, stored.data() + payload.size(), sizeof sum);
  if (sum == checksum(table, key, payload)) return payload;
  if (!table.mends) throwDamaged(txn, kWrongValue);
  throw Error(Code::damaged, Scope::account, kWrongValue);
}

// Absent, or the value as it is on disk.
std::optional<std::string_view> stored(MDB_txn* txn, const Table& table, std::string_view key) {
  MDB_val k = value(key);
  MDB_val v{};
  int code = mdb_get(txn, table.dbi, &k, &v);
  if (code == MDB_NOTFOUND) return std::nullopt;
  checkTree(txn, code, "reading the store");
  return bytes(v);
}

}  // namespace

uint64_t checksum(const Table& table, std::string_view key, std::string_view value) {
  uint64_t of_key = XXH3_64bits_withSeed(key.data(), key.size(), table.seed);
  return XXH3_64bits_withSeed(value.data(), value.size(), of_key);
}

void throwDamaged(MDB_txn* txn, const char* what) {
  condemn(mdb_txn_env(txn), what);
  throw Error(Code::damaged, Scope::account, what);
}

std::optional<Table> openTable(MDB_txn* txn, const char* name, uint64_t seed, unsigned flags) {
  Table table{.seed = seed};
  int code = mdb_dbi_open(txn, name, flags, &table.dbi);
  if (code == MDB_NOTFOUND) return std::nullopt;
  check(code, "opening a table of the store");
  return table;
}

uint64_t count(MDB_txn* txn, const Table& table) {
  MDB_stat stat;
  check(mdb_stat(txn, table.dbi, &stat), "reading the store");
  return stat.ms_entries;
}

std::optional<std::string_view> get(MDB_txn* txn, const Table& table, std::string_view key) {
  auto found = stored(txn, table, key);
  if (!found) return std::nullopt;
  return checked(txn, table, key, *found);
}

bool exists(MDB_txn* txn, const Table& table, std::string_view key) {
  return stored(txn, table, key).has_value();
}

void put(MDB_txn* txn, const Table& table, std::string_view key, std::string_view value) {
  uint64_t sum = checksum(table, key, value);
  MDB_val k = store::value(key);
  MDB_val space{value.size() + kChecksumBytes, nullptr};
  checkTree(txn, mdb_put(txn, table.dbi, &k, &space, MDB_RESERVE), "writing to the store");
  auto* out = static_cast<char*>(space.mv_data);
  std::memcpy(std::copy(value.begin(), value.end(), out), &sum, sizeof sum);
}

void erase(MDB_txn* txn, const Table& table, std::string_view key) {
  MDB_val k = value(key);
  int code = mdb_del(txn, table.dbi, &k, nullptr);
  if (code != MDB_NOTFOUND) checkTree(txn, code, "removing from the store");
}

Cursor::Cursor(MDB_txn* txn, const Table& table) : txn_(txn), table_(table) {
  check(mdb_cursor_open(txn, table.dbi, &cursor_), "reading the store");
}

bool Cursor::seek(std::string_view key) {
  key_ = store::value(key);
  int code = mdb_cursor_get(cursor_, &key_, &value_, MDB_SET_RANGE);
  if (code == MDB_NOTFOUND) return false;
  checkTree(txn_, code, "reading the store");
  return true;
}

bool Cursor::seekBefore(std::string_view key, std::string_view prefix) {
  const bool behind = seek(key);
  const int code = mdb_cursor_get(cursor_, &key_, &value_, behind ? MDB_PREV : MDB_LAST);
  if (code == MDB_NOTFOUND) return false;
  checkTree(txn_, code, "reading the store");
  return this->key().starts_with(prefix);
}

bool Cursor::next() {
  int code = mdb_cursor_get(cursor_, &key_, &value_, MDB_NEXT);
  if (code == MDB_NOTFOUND) return false;
  checkTree(txn_, code, "reading the store");
  return true;
}

void Cursor::requireSoundPlace() const {
  if (!table_.map.empty() && !soundPlace(bytes(value_), table_.map))
    throwDamaged(txn_, "a large value of the store doesn't lie where it should");
}

void Cursor::erase() {
  requireSoundPlace();
  checkTree(txn_, mdb_cursor_del(cursor_, 0), "removing from the store");
}

std::string_view Cursor::value() const {
  return checked(txn_, table_, key(), bytes(value_));
}

size_t Cursor::valueSize() const {
  return payloadSize(txn_, value_.mv_size);
}

}  // namespace emlfs::store
