// Recognises who lists one directory after the other (find, grep -r, rsync), and tells which
// mailboxes are to be listed before he comes to them. A value without clocks; not thread-safe.
#pragma once

#include <deque>
#include <set>
#include <vector>

#include "emlfs/base/clock.h"
#include "emlfs/store/cache.h"

namespace emlfs {

class ListingAhead {
 public:
  // Somebody lists this directory from its beginning. Gives mailboxes that were never listed, the
  // next ones in the order of their names: whatever way a tool goes, it comes to all of them.
  std::vector<MailboxId> visits(const store::Snapshot& snapshot, MailboxId directory,
                                Clock::time_point now);

 private:
  static constexpr size_t kWalking = 3;  // directories, one soon after the other
  static constexpr std::chrono::seconds kSoon{5};
  static constexpr size_t kAhead = 8;

  std::set<MailboxId> visited_;  // the first ones of this walk
  std::deque<MailboxId> rest_;   // that were not listed when it was recognised
  std::vector<MailboxId> under_way_;
  Clock::time_point last_{};
};

}  // namespace emlfs
