// A change of the cache that keeps every index right.
#pragma once

#include <memory>

#include "emlfs/base/clock.h"
#include "emlfs/store/cache.h"
#include "store/tables.h"

namespace emlfs::store {

class CacheUpdate : public Update {
 public:
  virtual uint64_t bodyBytes() const = 0;
  // Removes the body chunk by chunk, from its end, until all bodies together take at most `bytes`;
  // false if chunks of it are left.
  virtual bool removeChunks(MessageId id, uint64_t bytes, const Deadline& turn) = 0;
  // If its checksum is still wrong.
  virtual void removeDamagedChunk(MessageId id, uint32_t index) = 0;
  // When the body was last used; absent if there is none.
  virtual std::optional<uint64_t> lastUse(MessageId id) const = 0;
  // Ignored if the message has no body.
  virtual void putUse(MessageId id, uint64_t when) = 0;
  // Makes commit() write, even if nothing has changed.
  virtual void touch() = 0;
};

// Both must outlive what is returned.
std::unique_ptr<CacheUpdate> beginUpdate(MDB_env* env, const Tables& tables,
                                         Durability durability = Durability::synced);

}  // namespace emlfs::store
