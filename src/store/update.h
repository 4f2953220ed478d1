// A change of the cache that keeps every index right.
#pragma once

#include <memory>

#include "emlfs/store/cache.h"
#include "store/tables.h"

namespace emlfs::store {

// Both must outlive what is returned.
std::unique_ptr<Update> beginUpdate(MDB_env* env, const Tables& tables);

}  // namespace emlfs::store
