#include "store/journal_tables.h"

#include <optional>

#include "emlfs/base/bytes.h"

namespace emlfs::store {
namespace {

std::string encodeFormat() {
  std::string out;
  putU32(out, kJournalFormat);
  return out;
}

void open(MDB_txn* txn, const char* name, Table& table) {
  table = openTable(txn, name, table.seed, MDB_CREATE).value();
}

}  // namespace

JournalTables openJournalTables(MDB_env* env) {
  JournalTables tables;
  WriteTransaction txn(env);
  open(txn.get(), "meta", tables.meta);
  open(txn.get(), "changes", tables.changes);
  open(txn.get(), "names", tables.names);
  const auto format = get(txn.get(), tables.meta, kFormatKey);
  if (!format)
    put(txn.get(), tables.meta, kFormatKey, stamped(mdb_txn_id(txn.get()), encodeFormat()));
  if (!format)
    put(txn.get(), tables.meta, kStateKey,
        stamped(mdb_txn_id(txn.get()), encode(JournalState{.transaction = mdb_txn_id(txn.get())})));
  txn.commit();
  return tables;
}

JournalUpdate::JournalUpdate(MDB_env* env, const JournalTables& tables)
    : txn_(env), tables_(tables), transaction_(mdb_txn_id(txn_.get())) {
  const auto state = get(txn_.get(), tables.meta, kStateKey);
  if (!state) throwDamaged(txn_.get(), "the journal has lost its state");
  state_ = decodeJournalState(recordOf(*state));
}

bool JournalUpdate::forget(const Table& table, std::string_view key) {
  const auto old = get(txn_.get(), table, key);
  if (old) state_.digest -= checksum(table, key, *old);
  return old.has_value();
}

void JournalUpdate::put(const Table& table, std::string_view key, std::string_view record) {
  const std::string value = stamped(transaction_, record);
  state_.digest += checksum(table, key, value);
  store::put(txn_.get(), table, key, value);
}

void JournalUpdate::putChange(uint64_t number, std::string_view record) {
  const std::string key = changeKey(number);
  if (!forget(tables_.changes, key)) ++state_.changes;
  put(tables_.changes, key, record);
}

void JournalUpdate::removeChange(uint64_t number) {
  const std::string key = changeKey(number);
  if (!forget(tables_.changes, key)) return;
  --state_.changes;
  erase(txn_.get(), tables_.changes, key);
}

void JournalUpdate::putName(std::string_view key, std::string_view record) {
  forget(tables_.names, key);
  put(tables_.names, key, record);
}

void JournalUpdate::removeName(std::string_view key) {
  if (forget(tables_.names, key)) erase(txn_.get(), tables_.names, key);
}

void JournalUpdate::writeState() {
  state_.transaction = transaction_;
  store::put(txn_.get(), tables_.meta, kStateKey, stamped(transaction_, encode(state_)));
}

}  // namespace emlfs::store
