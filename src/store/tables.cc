#include "store/tables.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <memory>

#include "emlfs/base/error.h"
#include "store/pages.h"

namespace emlfs::store {
namespace {

constexpr std::string_view kFormatKey = "format";
constexpr std::string_view kFormatWords = "emlfs cache ";
constexpr unsigned kFormat = 4;
constexpr std::string_view kTotalsKey = "totals";

// 0: none that was ever written.
unsigned parseFormat(std::string_view text) {
  if (!text.starts_with(kFormatWords)) return 0;
  text.remove_prefix(kFormatWords.size());
  unsigned format = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, format);
  return read.ec == std::errc() && read.ptr == end ? format : 0;
}

// The format is written without a checksum: a later one may have another. Throws Error(invalid) for
// a later one: whoever wrote it will come back to it.
bool hasFormat(MDB_txn* txn, const Table& meta) {
  MDB_val key = value(kFormatKey);
  MDB_val text{};
  int code = mdb_get(txn, meta.dbi, &key, &text);
  if (code != MDB_NOTFOUND) check(code, "reading the store's format");
  const unsigned format = code == MDB_SUCCESS ? parseFormat(bytes(text)) : 0;
  if (format <= kFormat) return format == kFormat;
  const char* path = "";
  check(mdb_env_get_path(mdb_txn_env(txn), &path), "reading the store's format");
  throw Error(
      Code::invalid, Scope::account,
      fmt::format("{} was written by a later emlfs (format {}, this one knows {}): use that "
                  "one, or remove it with 'emlfs cache clear', which costs only traffic",
                  path, format, kFormat));
}

void writeFormat(MDB_txn* txn, const Table& meta) {
  const std::string text = fmt::format("{}{}", kFormatWords, kFormat);
  MDB_val key = value(kFormatKey);
  MDB_val format = value(text);
  check(mdb_put(txn, meta.dbi, &key, &format, 0), "writing the store's format");
}

std::optional<Tables> openAll(MDB_txn* txn, unsigned flags) {
  Tables tables;
  uint64_t seed = 0;
  auto open = [&](const char* name) {
    auto table = openTable(txn, name, ++seed, flags);
    if (!table) throwDamaged(txn, "the store lacks a table");
    return *table;
  };
  if (auto meta = openTable(txn, "meta", ++seed, flags))
    tables.meta = *meta;
  else
    return std::nullopt;
  bool made = (flags & MDB_CREATE) != 0 && count(txn, tables.meta) == 0;
  if (made) writeFormat(txn, tables.meta);
  if (!hasFormat(txn, tables.meta)) return std::nullopt;
  tables.settings = open("settings");
  tables.mailboxes = open("mailboxes");
  tables.children = open("children");
  tables.dirents = open("dirents");
  tables.messages = open("messages");
  tables.uids = open("uids");
  tables.arrivals = open("arrivals");
  tables.bodies = open("bodies");
  tables.uses = open("uses");
  tables.bodies.mends = true;  // a body is fetched again
  if (made) writeTotals(txn, tables, {});
  return tables;
}

// To be called on committed pages.
std::string_view mapOf(MDB_env* env, MDB_txn* txn, const Table& meta) {
  MDB_val key = value(kFormatKey);
  MDB_val format{};
  MDB_envinfo info;
  check(mdb_get(txn, meta.dbi, &key, &format), "reading the store's format");
  check(mdb_env_info(env, &info), "reading the store's header");
  return {mapBegin(bytes(format)), info.me_mapsize};
}

}  // namespace

std::optional<Tables> openTables(MDB_env* env) {
  WriteTransaction txn(env);
  auto tables = openAll(txn.get(), MDB_CREATE);
  if (!tables) return std::nullopt;
  txn.commit();
  Readers readers(env);
  const auto map = mapOf(env, ReadTransaction(readers).get(), tables->meta);
  for (Table* table : tables->all()) table->map = map;
  return tables;
}

std::optional<Tables> findTables(MDB_env* env) {
  MDB_txn* begun = nullptr;
  check(mdb_txn_begin(env, nullptr, MDB_RDONLY, &begun), "reading the store");
  // The handles outlive a transaction that is committed, also a reading one.
  std::unique_ptr<MDB_txn, decltype(&mdb_txn_abort)> txn(begun, mdb_txn_abort);
  auto tables = openAll(begun, 0);
  if (!tables) return std::nullopt;
  const auto map = mapOf(env, begun, tables->meta);
  for (Table* table : tables->all()) table->map = map;
  check(mdb_txn_commit(txn.release()), "reading the store");
  return tables;
}

Totals readTotals(MDB_txn* txn, const Tables& tables) {
  auto bytes = get(txn, tables.meta, kTotalsKey);
  if (!bytes) throwDamaged(txn, "the store lacks its totals");
  return decodeTotals(*bytes);
}

void writeTotals(MDB_txn* txn, const Tables& tables, Totals totals) {
  totals.transaction = mdb_txn_id(txn);
  put(txn, tables.meta, kTotalsKey, encode(totals));
}

std::optional<uint64_t> lastUse(MDB_txn* txn, const Tables& tables, MessageId id) {
  auto stamp = get(txn, tables.uses, idKey(id.value));
  if (!stamp) return std::nullopt;
  return decodeId(*stamp);
}

uint64_t nowStamp() {
  using std::chrono::duration_cast;
  auto since = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<uint64_t>(duration_cast<std::chrono::microseconds>(since).count());
}

std::string cachePath(const std::string& directory) {
  return directory + "/cache.mdb";
}

}  // namespace emlfs::store
