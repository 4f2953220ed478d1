// Changes of an account: what is checked, journaled and shown here is sent by its Sender.
#pragma once

#include <functional>
#include <memory>

#include "account/deletions.h"
#include "account/drafts.h"
#include "emlfs/account/changes.h"
#include "emlfs/sync/sync.h"

namespace emlfs {

struct ChangesHooks {
  sync::OnChange on_change;     // what the kernel did not do itself
  std::function<void()> added;  // there is something to be sent
  // What was written to other accounts is on the disk when it returns.
  std::function<void()> sync_others;
  std::function<void(WaitId, std::optional<uint64_t> since, Done)> flush;  // Sender::flush
  std::function<WaitId()> new_flush;                                       // Sender::newWait
  std::function<void(const std::string&)> spool_unneeded;                  // a file name
};

// `store.pending` must be set; `deletions` outlives it.
std::unique_ptr<Changes> makeChanges(sync::Store store, Drafts& drafts, Deletion deletion,
                                     Deletions& deletions, ChangesHooks hooks);

// What removes a message that another takes the place of.
store::Change deletionOf(sync::Store store, Deletion deletion, const store::Snapshot& snapshot,
                         const store::MessageRecord& message);

}  // namespace emlfs
