// Changes of an account: what is checked, journaled and shown here is sent by its Sender.
#pragma once

#include <functional>
#include <memory>

#include "emlfs/account/changes.h"
#include "emlfs/sync/sync.h"

namespace emlfs {

struct ChangesHooks {
  sync::OnChange on_change;         // what the kernel did not do itself
  std::function<void()> added;      // there is something to be sent
  std::function<void(Done)> flush;  // Sender::flush
};

// `store.pending` must be set.
std::unique_ptr<Changes> makeChanges(sync::Store store, Deletion deletion, ChangesHooks hooks);

}  // namespace emlfs
