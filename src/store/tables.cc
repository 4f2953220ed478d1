#include "store/tables.h"

namespace emlfs::store {
namespace {

constexpr std::string_view kFormatKey = "format";
constexpr std::string_view kFormat = "emlfs cache 1";
constexpr std::string_view kTotalsKey = "totals";

// Written without a checksum: a later format may have another checksum.
bool agreeOnFormat(MDB_txn* txn, const Table& meta) {
  MDB_val key = value(kFormatKey);
  MDB_val format{};
  int code = mdb_get(txn, meta.dbi, &key, &format);
  if (code == MDB_SUCCESS) return bytes(format) == kFormat;
  if (code != MDB_NOTFOUND) fail(code, "reading the store's format");
  if (count(txn, meta) != 0) return false;
  format = value(kFormat);
  check(mdb_put(txn, meta.dbi, &key, &format, 0), "writing the store's format");
  return true;
}

}  // namespace

std::optional<Tables> openTables(MDB_env* env) {
  WriteTransaction txn(env);
  Tables tables;
  tables.meta = openTable(txn.get(), "meta", 1);
  if (!agreeOnFormat(txn.get(), tables.meta)) return std::nullopt;
  tables.settings = openTable(txn.get(), "settings", 2);
  tables.mailboxes = openTable(txn.get(), "mailboxes", 3);
  tables.children = openTable(txn.get(), "children", 4);
  tables.dirents = openTable(txn.get(), "dirents", 5);
  tables.messages = openTable(txn.get(), "messages", 6);
  tables.uids = openTable(txn.get(), "uids", 7);
  tables.bodies = openTable(txn.get(), "bodies", 8);
  tables.bodies.mends = true;  // a body is fetched again
  txn.commit();
  return tables;
}

Totals readTotals(MDB_txn* txn, const Tables& tables) {
  auto bytes = get(txn, tables.meta, kTotalsKey);
  return bytes ? decodeTotals(*bytes) : Totals{};
}

void writeTotals(MDB_txn* txn, const Tables& tables, const Totals& totals) {
  put(txn, tables.meta, kTotalsKey, encode(totals));
}

std::string cachePath(const std::string& directory) {
  return directory + "/cache.mdb";
}

}  // namespace emlfs::store
