// What `emlfs cache` does with a cache, beside a daemon that may be using it: LMDB lets several
// processes work on one file, but not one process twice: not for one that has the cache open.
// Nothing here takes the account's lock, but clear() needs it taken. All but clear() throw
// Error(invalid, account) for a cache that a later emlfs has written, and leave it as it is.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "emlfs/store/cache.h"

namespace emlfs::store {

// Absent if there is none, or one that the next mount makes anew because an earlier emlfs has
// written it. Throws Error(system or damaged).
std::optional<CacheSize> cacheSize(const std::string& directory);

struct Verified {
  uint64_t values = 0;          // that were checked, bodies' chunks among them
  uint64_t bytes = 0;           // that they take
  uint64_t damaged_chunks = 0;  // removed: they are fetched again when somebody reads them
  bool condemned = false;       // other damage: the next mount begins with an empty cache
  std::string first_damage;     // a line for a person; empty if all is well
};
// Reads everything and holds it against its checksums, and the tables against each other. A cache
// so broken that reading it crashes is found too: the reading is done by a child process.
// `progress` hears of the bytes read so far.
Verified verify(const std::string& directory, const std::function<void(uint64_t)>& progress);

// Evicts until the bodies take at most `bytes`. Returns how many bytes went.
uint64_t prune(const std::string& directory, uint64_t bytes);

// Removes the cache's files, also those put aside as damaged. The caller has locked `directory`.
void clear(const std::string& directory);

}  // namespace emlfs::store
