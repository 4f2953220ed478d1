// Keys and records of the journal. A record begins with the version of its encoding; fields that a
// later emlfs appends are passed over.
//
// On disk a record stands behind its stamp, the number of the transaction that wrote it: of two
// states of one record, found in a damaged file, it says which is the later.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "emlfs/store/journal.h"

namespace emlfs::store {

// A later one makes the whole state one of a later format, see state_format.h.
inline constexpr uint32_t kJournalFormat = 1;

// Written by every transaction, so that what the file holds can be proved to be all.
struct JournalState {
  uint64_t transaction = 0;  // that wrote this, LMDB's number
  uint64_t next = 1;         // number of the next change
  uint64_t changes = 0;      // that are there
  uint64_t digest = 0;       // sum of the checksums of all changes and names
  bool operator==(const JournalState&) const = default;
};

std::string changeKey(uint64_t number);
uint64_t changeNumber(std::string_view key);  // throws Error(damaged)
// A wire name may be longer than a key: a hash stands for it.
std::string nameKey(const NameKey& key);
// Whether they say the same message; a hash may not.
bool sameMessage(const NameKey& one, const NameKey& other);

std::string encode(const JournalState& state);
std::string encode(const Change& change);  // without its number, which is the key
std::string encode(const GivenName& name);

// Throw Error(damaged) for what isn't such a record, Error(invalid) for one of a later encoding, or
// of a kind or state that this emlfs doesn't know.
JournalState decodeJournalState(std::string_view record);
Change decodeChange(uint64_t number, std::string_view record);
GivenName decodeGivenName(std::string_view record);

std::string stamped(uint64_t transaction, std::string_view record);
uint64_t stampOf(std::string_view value);           // throws Error(damaged)
std::string_view recordOf(std::string_view value);  // behind the stamp

}  // namespace emlfs::store
