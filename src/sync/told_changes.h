// What becomes of the entries of several directories in one transaction, and what the kernel is to
// hear of it.
#pragma once

#include <map>

#include "emlfs/sync/sync.h"
#include "sync/change_time.h"

namespace emlfs::sync {

class Changes {
 public:
  explicit Changes(store::Update& update) : update_(update) {}

  TreeChange& in(MailboxId directory) {
    auto& change = changes_[directory];
    change.directory = directory;
    change.entries = true;
    return change;
  }
  void unname(const store::MessageRecord& message) {
    if (const auto directory = store::shownIn(message))
      in(*directory).removed.push_back({message.id.value, message.name});
  }

  void commit(const OnChange& on_change) {
    for (auto& [id, change] : changes_) {
      auto directory = update_.mailbox(id);
      if (!directory) continue;
      directory->changed = changeTime(directory->changed);
      update_.putMailbox(*directory);
      change.attributes.push_back(id.value);
    }
    update_.commit();
    for (const auto& [id, change] : changes_) on_change(change);
  }

 private:
  store::Update& update_;
  std::map<MailboxId, TreeChange> changes_;
};

}  // namespace emlfs::sync
