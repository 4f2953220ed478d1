// Making room: which bodies go, and in how large steps.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "store/tables.h"

namespace emlfs::store {

// Cache::evict(). `go_on` is asked before each transaction, when the writer's lock is free.
uint64_t evictBodies(Readers& readers, MDB_env* env, const Tables& tables, uint64_t bytes,
                     const std::function<bool()>& go_on);

// Stamps the bodies with `now` that were last stamped more than `grain` (microseconds) before.
void stampUses(Readers& readers, MDB_env* env, const Tables& tables,
               const std::vector<MessageId>& used, uint64_t now, uint64_t grain);

}  // namespace emlfs::store
