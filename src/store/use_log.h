// Which bodies were read since somebody asked: on the path of every READ. Thread-safe.
#pragma once

#include <unordered_set>
#include <vector>

#include "emlfs/base/mutex.h"
#include "emlfs/mail/ids.h"

namespace emlfs::store {

class UseLog {
 public:
  void add(MessageId id) EXCLUDES(mutex_);
  // In ascending order; forgets them.
  std::vector<MessageId> take() EXCLUDES(mutex_);

 private:
  // About 2 MB. What is read beyond counts as read when its body came.
  static constexpr size_t kMost = 1 << 16;

  Mutex mutex_;
  std::unordered_set<MessageId> ids_ GUARDED_BY(mutex_);
};

}  // namespace emlfs::store
