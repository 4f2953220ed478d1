// How long and how thorough: short for CI, long by scripts/soak.
#pragma once

#include <cstdint>
#include <optional>

#include "emlfs/base/clock.h"

namespace emlfs::test {

// EMLFS_SOAK_SECONDS.
std::optional<std::chrono::seconds> soakTime();
// EMLFS_FULL: every case instead of a sample.
bool full();
// How many threads share the cases: EMLFS_LANES, or 3. They wait more than they compute.
size_t lanes();
// EMLFS_PART=K/N: of all cases those whose index is K modulo N, for a proof that is longer than one
// sitting.
bool inPart(size_t index);
// EMLFS_SEED, or one that is new each time; printed, so that a run can be repeated.
uint64_t chosenSeed();

// How much later than promised a system call may come back, for the scheduler's sake.
Milliseconds schedulingMargin();

}  // namespace emlfs::test
