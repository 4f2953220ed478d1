// Keys and records as they are on disk: integers big-endian, so that keys sort by number.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "emlfs/base/bytes.h"
#include "emlfs/store/cache.h"

namespace emlfs::store {

std::string idKey(uint64_t id);
std::string pairKey(uint64_t id, uint32_t number);       // (mailbox, UID), (message, chunk)
std::string childKey(MailboxId parent, uint64_t child);  // also (directory, arrived message)
std::string nameKey(MailboxId directory, std::string_view name);
// The key next behind `key`.
inline std::string behind(std::string_view key) {
  return std::string(key) + '\0';
}

void putFlags(std::string& out, const Flags& flags);
Flags readFlags(ByteReader& in);

std::string encodeId(uint64_t id);
std::string encode(const MailboxRecord& record);
std::string encode(const MessageRecord& record);

// Throw Error(damaged) for what isn't such a record. The id is the key, and not in the bytes.
uint64_t decodeId(std::string_view bytes);
MailboxRecord decodeMailbox(MailboxId id, std::string_view bytes);
MessageRecord decodeMessage(MessageId id, std::string_view bytes);

// What would otherwise need a scan: written in the transaction that changes it.
struct Totals {
  uint64_t bodies = 0;
  uint64_t body_bytes = 0;
  uint64_t highest_id = 0;  // ever put, without kDirectoryBit
  // That wrote this, LMDB's number: damage that brings an older state back is seen by it.
  uint64_t transaction = 0;
  bool operator==(const Totals&) const = default;
};
std::string encode(const Totals& totals);
Totals decodeTotals(std::string_view bytes);

}  // namespace emlfs::store
