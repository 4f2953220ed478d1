// Whether the cache's tables say the same, and every value of them what was put: what page by page
// looks sound may still be wrong.
#pragma once

#include <cstdint>

#include "store/tables.h"

namespace emlfs::store {

struct Checked {
  uint64_t values = 0;
  uint64_t bytes = 0;
};

// Reads everything but the bytes of bodies. Throws Error(damaged).
Checked checkTables(MDB_txn* txn, const Tables& tables);

}  // namespace emlfs::store
