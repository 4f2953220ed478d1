// What a cache takes.
#pragma once

#include "emlfs/store/cache.h"
#include "store/tables.h"

namespace emlfs::store {

CacheSize sizeOf(MDB_env* env, MDB_txn* txn, const Tables& tables);

}  // namespace emlfs::store
