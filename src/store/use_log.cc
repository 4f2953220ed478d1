#include "store/use_log.h"

#include <algorithm>

namespace emlfs::store {

void UseLog::add(MessageId id) {
  const MutexLock lock(mutex_);
  if (ids_.size() < kMost) ids_.insert(id);
}

std::vector<MessageId> UseLog::take() {
  std::unordered_set<MessageId> taken;
  {
    const MutexLock lock(mutex_);
    taken.swap(ids_);
  }
  std::vector<MessageId> ids(taken.begin(), taken.end());
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace emlfs::store
