// How much room the server gives, for `df`: asked for now and then, kept in the cache. Thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "emlfs/base/clock.h"
#include "emlfs/base/error.h"
#include "emlfs/base/mutex.h"
#include "emlfs/imap/session.h"
#include "emlfs/store/cache.h"

namespace emlfs {

class QuotaKeeper {
 public:
  explicit QuotaKeeper(store::Cache& cache) : cache_(cache) {}

  // What the server said last, also to an earlier mount; absent if there is no limit.
  std::optional<imap::Quota> known() const;
  // Asks, if that was long ago or much has changed. Throws Error of scope connection or account.
  void refresh(imap::Session& session);
  // Messages were added or removed.
  void changed();

 private:
  store::Cache& cache_;
  Mutex mutex_;
  std::optional<Clock::time_point> asked_ GUARDED_BY(mutex_);
  bool changed_ GUARDED_BY(mutex_) = false;
};

// As the cache keeps it. Absent if it is something else, or says that there is no limit.
std::string quotaSetting(const std::optional<imap::Quota>& quota);
std::optional<imap::Quota> parseQuotaSetting(std::string_view text);

}  // namespace emlfs
