#include "store/journal_records.h"

#include <xxhash.h>

#include <utility>

#include "emlfs/base/bytes.h"
#include "store/records.h"

namespace emlfs::store {
namespace {

// A new field comes last, and where an older emlfs has not written it, has its default. An older
// one passes it over, and drops it when it writes the record anew. Where that would do harm, it is
// a new version; so is anything else, but a kind or state that was added: an older one refuses
// both.
constexpr uint8_t kRecordVersion = 1;
constexpr size_t kStampBytes = sizeof(uint64_t);

void throwUnless(bool good) {
  if (!good) throw Error(Code::damaged, Scope::account, "the journal holds a malformed record");
}

// Its checksum is right, so it is no damage.
void throwIfLater(bool later) {
  if (later) throw Error(Code::invalid, Scope::account, "a later emlfs has written to the journal");
}

ByteReader openRecord(std::string_view record) {
  ByteReader in(record);
  const uint8_t version = in.u8();
  throwUnless(version != 0);
  throwIfLater(version > kRecordVersion);
  return in;
}

template <class Enum>
Enum enumUpTo(Enum last, uint8_t value) {
  throwIfLater(value > static_cast<uint8_t>(last));
  return static_cast<Enum>(value);
}

void putKey(std::string& out, const NameKey& key) {
  putString(out, key.mailbox);
  putU32(out, key.uid_validity);
  putU32(out, key.uid);
  putU64(out, key.id.value);
}

NameKey readKey(ByteReader& in) {
  NameKey key;
  key.mailbox = in.string();
  key.uid_validity = in.u32();
  key.uid = in.u32();
  key.id = MessageId{in.u64()};
  return key;
}

}  // namespace

std::string changeKey(uint64_t number) {
  std::string key;
  putU64(key, number);
  return key;
}

uint64_t changeNumber(std::string_view key) {
  ByteReader in(key);
  const uint64_t number = in.u64();
  throwUnless(in.done());
  return number;
}

std::string nameKey(const NameKey& key) {
  std::string out;
  if (key.uid == 0) {
    putU8(out, 'i');
    putU64(out, key.id.value);
    return out;
  }
  const XXH128_hash_t hash = XXH3_128bits(key.mailbox.data(), key.mailbox.size());
  putU8(out, 'u');
  putU64(out, hash.high64);
  putU64(out, hash.low64);
  putU32(out, key.uid_validity);
  putU32(out, key.uid);
  return out;
}

bool sameMessage(const NameKey& one, const NameKey& other) {
  if (one.uid != other.uid) return false;
  if (one.uid == 0) return one.id == other.id;
  return one.mailbox == other.mailbox && one.uid_validity == other.uid_validity;
}

std::string encode(const JournalState& state) {
  std::string out;
  putU8(out, kRecordVersion);
  putU64(out, state.transaction);
  putU64(out, state.next);
  putU64(out, state.changes);
  putU64(out, state.digest);
  return out;
}

JournalState decodeJournalState(std::string_view record) {
  ByteReader in = openRecord(record);
  JournalState state;
  state.transaction = in.u64();
  state.next = in.u64();
  state.changes = in.u64();
  state.digest = in.u64();
  return state;
}

std::string encode(const Change& change) {
  std::string out;
  putU8(out, kRecordVersion);
  putU8(out, static_cast<uint8_t>(change.kind));
  putU64(out, change.id.value);
  putString(out, change.source.mailbox);
  putU32(out, change.source.uid_validity);
  putU32(out, change.source.uid);
  putString(out, change.source.message_id);
  putU64(out, change.source.size);
  putString(out, change.mailbox);
  putString(out, change.other);
  putFlags(out, change.add);
  putFlags(out, change.remove);
  putU64(out, static_cast<uint64_t>(change.date.seconds));
  putU32(out, static_cast<uint32_t>(change.date.zone_minutes));
  putString(out, change.spool);
  putU64(out, change.size);
  putU64(out, static_cast<uint64_t>(change.acknowledged));
  putU8(out, static_cast<uint8_t>(change.state));
  putU32(out, change.destination.uid_validity);
  putU32(out, change.destination.uid_next);
  putU32(out, change.destination.uid);
  putString(out, name(change.error));
  putString(out, change.server);
  putU8(out, change.recovered ? 1 : 0);
  putU8(out, change.deletion ? 1 : 0);
  putU64(out, static_cast<uint64_t>(change.begun_at));
  return out;
}

Change decodeChange(uint64_t number, std::string_view record) {
  ByteReader in = openRecord(record);
  Change change;
  change.number = number;
  change.kind = enumUpTo(Change::Kind::expunge, in.u8());
  change.id = MessageId{in.u64()};
  change.source.mailbox = in.string();
  change.source.uid_validity = in.u32();
  change.source.uid = in.u32();
  change.source.message_id = in.string();
  change.source.size = in.u64();
  change.mailbox = in.string();
  change.other = in.string();
  change.add = readFlags(in);
  change.remove = readFlags(in);
  change.date.seconds = static_cast<int64_t>(in.u64());
  change.date.zone_minutes = static_cast<int16_t>(in.u32());
  change.spool = in.string();
  change.size = in.u64();
  change.acknowledged = static_cast<int64_t>(in.u64());
  change.state = enumUpTo(Change::State::parked, in.u8());
  change.destination.uid_validity = in.u32();
  change.destination.uid_next = in.u32();
  change.destination.uid = in.u32();
  // By name: the numbers are not for ever. One that a later emlfs added is a refusal anyway.
  change.error = codeNamed(in.string()).value_or(Code::refused);
  change.server = in.string();
  change.recovered = in.u8() != 0;
  if (!in.done()) change.deletion = in.u8() != 0;
  if (!in.done()) change.begun_at = static_cast<int64_t>(in.u64());
  return change;
}

std::string encode(const GivenName& name) {
  std::string out;
  putU8(out, kRecordVersion);
  putKey(out, name.key);
  putString(out, name.directory);
  putString(out, name.name);
  putString(out, name.message_id);
  putU64(out, static_cast<uint64_t>(name.date));
  return out;
}

GivenName decodeGivenName(std::string_view record) {
  ByteReader in = openRecord(record);
  GivenName name;
  name.key = readKey(in);
  name.directory = in.string();
  name.name = in.string();
  if (in.done()) return name;
  name.message_id = in.string();
  name.date = static_cast<int64_t>(in.u64());
  return name;
}

std::string stamped(uint64_t transaction, std::string_view record) {
  std::string value;
  putU64(value, transaction);
  value += record;
  return value;
}

uint64_t stampOf(std::string_view value) {
  return ByteReader(value).u64();
}

std::string_view recordOf(std::string_view value) {
  throwUnless(value.size() >= kStampBytes);
  return value.substr(kStampBytes);
}

}  // namespace emlfs::store
