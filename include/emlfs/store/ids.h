// The counter of local ids, in state_dir: an id is given once and never again, also when the cache
// has been deleted. Reserved in blocks, each synced before the first of it is used. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace emlfs::store {

class IdSource {
 public:
  // Opens or creates the LMDB environment in `directory` (made with mode 0700). A damaged one is
  // put aside (ids.mdb.damaged) and the counter goes on far above all that was ever given. Throws
  // Error(system).
  static std::unique_ptr<IdSource> open(const std::string& directory);
  virtual ~IdSource() = default;
  virtual uint64_t next() = 0;
  // Ids from now on exceed `id`, the cache's highest: state_dir may have been lost. To be called
  // before the first next().
  virtual void raiseAbove(uint64_t id) = 0;
};

}  // namespace emlfs::store
