#include "emlfs/base/fail_point.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "emlfs/base/mutex.h"

namespace emlfs {

#ifdef EMLFS_FAIL_POINTS

namespace {

struct Plan {
  uint64_t last = 0;  // 0: none
  int log = -1;       // open until the process ends
};

Plan readPlan() {
  Plan plan;
  if (const char* at = std::getenv("EMLFS_FAIL_AT")) plan.last = std::strtoull(at, nullptr, 10);
  if (const char* file = std::getenv("EMLFS_FAIL_COUNT"))
    plan.log = ::open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  return plan;
}

}  // namespace

void failPoint(const char* name) {
  static const Plan plan = readPlan();
  static Mutex mutex;
  static uint64_t passed = 0;
  if (plan.last == 0 && plan.log < 0) return;
  // So that who reads the log after the death finds all that was passed before it.
  const MutexLock lock(mutex);
  const uint64_t number = ++passed;
  if (plan.log >= 0) {
    const std::string line = std::string(name) + "\n";
    if (::write(plan.log, line.data(), line.size()) < 0) std::abort();
  }
  if (number == plan.last) std::raise(SIGKILL);
}

#else

void failPoint(const char* /*name*/) {}

#endif

}  // namespace emlfs
