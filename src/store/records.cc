#include "store/records.h"

#include <utility>
#include <vector>

#include "emlfs/base/bytes.h"
#include "emlfs/base/error.h"

namespace emlfs::store {
namespace {

constexpr uint8_t kRecordVersion = 1;

void throwUnless(bool good) {
  if (!good) throw Error(Code::damaged, Scope::account, "the store holds a malformed record");
}

void putBool(std::string& out, bool value) {
  putU8(out, value ? 1 : 0);
}

Shown readShown(ByteReader& in) {
  const uint8_t value = in.u8();
  throwUnless(value <= static_cast<uint8_t>(Shown::hidden));
  return static_cast<Shown>(value);
}

void putState(std::string& out, const SyncState& state) {
  putU32(out, state.uid_validity);
  putU32(out, state.uid_next);
  putU64(out, state.highest_modseq);
  putU32(out, state.listed_to);
  putU32(out, state.messages);
  putBool(out, state.complete);
}

SyncState readState(ByteReader& in) {
  SyncState state;
  state.uid_validity = in.u32();
  state.uid_next = in.u32();
  state.highest_modseq = in.u64();
  state.listed_to = in.u32();
  state.messages = in.u32();
  state.complete = in.u8() != 0;
  return state;
}

}  // namespace

void putFlags(std::string& out, const Flags& flags) {
  putU32(out, static_cast<uint32_t>(flags.names().size()));
  for (const std::string& name : flags.names()) putString(out, name);
}

Flags readFlags(ByteReader& in) {
  std::vector<std::string> names;
  for (uint32_t left = in.u32(); left > 0; --left) names.emplace_back(in.string());
  return Flags(std::move(names));
}

std::string idKey(uint64_t id) {
  std::string key;
  putU64(key, id);
  return key;
}

std::string pairKey(uint64_t id, uint32_t number) {
  std::string key = idKey(id);
  putU32(key, number);
  return key;
}

std::string childKey(MailboxId parent, uint64_t child) {
  std::string key = idKey(parent.value);
  putU64(key, child);
  return key;
}

std::string nameKey(MailboxId directory, std::string_view name) {
  std::string key = idKey(directory.value);
  key += name;
  return key;
}

std::string encodeId(uint64_t id) {
  return idKey(id);
}

uint64_t decodeId(std::string_view bytes) {
  ByteReader in(bytes);
  uint64_t id = in.u64();
  throwUnless(in.done());
  return id;
}

std::string encode(const MailboxRecord& record) {
  std::string out;
  putU8(out, kRecordVersion);
  putU64(out, record.parent.value);
  putString(out, record.name);
  putString(out, record.wire);
  putBool(out, record.selectable);
  putString(out, record.special_use);
  putBool(out, record.inferiors);
  putBool(out, record.unborn);
  putBool(out, record.hidden);
  putString(out, record.denied);
  putBool(out, record.rights_asked);
  putU64(out, record.inode);
  putU64(out, static_cast<uint64_t>(record.changed));
  putU32(out, record.subdirectories);
  putState(out, record.state);
  return out;
}

MailboxRecord decodeMailbox(MailboxId id, std::string_view bytes) {
  ByteReader in(bytes);
  throwUnless(in.u8() == kRecordVersion);
  MailboxRecord record;
  record.id = id;
  record.parent = MailboxId{in.u64()};
  record.name = in.string();
  record.wire = in.string();
  record.selectable = in.u8() != 0;
  record.special_use = in.string();
  record.inferiors = in.u8() != 0;
  record.unborn = in.u8() != 0;
  record.hidden = in.u8() != 0;
  record.denied = in.string();
  record.rights_asked = in.u8() != 0;
  record.inode = in.u64();
  record.changed = static_cast<int64_t>(in.u64());
  record.subdirectories = in.u32();
  record.state = readState(in);
  throwUnless(in.done());
  return record;
}

std::string encode(const MessageRecord& record) {
  std::string out;
  putU8(out, kRecordVersion);
  putU64(out, record.mailbox.value);
  putU32(out, record.uid);
  putU8(out, static_cast<uint8_t>(record.shown));
  putU64(out, record.directory.value);
  putU64(out, record.inode);
  putString(out, record.name);
  putFlags(out, record.flags);
  putU64(out, static_cast<uint64_t>(record.date.seconds));
  putU32(out, static_cast<uint32_t>(record.date.zone_minutes));
  putU64(out, record.size);
  putBool(out, record.size_known);
  putU64(out, record.modseq);
  putString(out, record.message_id);
  return out;
}

MessageRecord decodeMessage(MessageId id, std::string_view bytes) {
  ByteReader in(bytes);
  throwUnless(in.u8() == kRecordVersion);
  MessageRecord record;
  record.id = id;
  record.mailbox = MailboxId{in.u64()};
  record.uid = in.u32();
  record.shown = readShown(in);
  record.directory = MailboxId{in.u64()};
  record.inode = in.u64();
  record.name = in.string();
  record.flags = readFlags(in);
  record.date.seconds = static_cast<int64_t>(in.u64());
  record.date.zone_minutes = static_cast<int16_t>(in.u32());
  record.size = in.u64();
  record.size_known = in.u8() != 0;
  record.modseq = in.u64();
  record.message_id = in.string();
  throwUnless(in.done());
  return record;
}

std::string encode(const Totals& totals) {
  std::string out;
  putU64(out, totals.bodies);
  putU64(out, totals.body_bytes);
  putU64(out, totals.highest_id);
  putU64(out, totals.transaction);
  return out;
}

Totals decodeTotals(std::string_view bytes) {
  ByteReader in(bytes);
  Totals totals;
  totals.bodies = in.u64();
  totals.body_bytes = in.u64();
  totals.highest_id = in.u64();
  totals.transaction = in.u64();
  throwUnless(in.done());
  return totals;
}

}  // namespace emlfs::store
