// Drafts that were removed or replaced while somebody may have them open: bytes without a name, as
// on any file system. The kernel forgets a file without a name when it is closed.
#include <utility>

#include "account/drafts.h"

namespace emlfs {

Drafts::DraftPtr Drafts::findUnlinked(MessageId id) const {
  const MutexLock lock(mutex_);
  const auto at = unlinked_.find(id);
  return at == unlinked_.end() ? nullptr : at->second.draft;
}

void Drafts::unlink(MessageId id, Unlinked unlinked) {
  const MutexLock lock(mutex_);
  unlinked_[id] = std::move(unlinked);
  drafts_.erase(id);
  due_.erase(id);
}

std::optional<store::MessageRecord> Drafts::unlinked(MessageId id) const {
  const MutexLock lock(mutex_);
  const auto at = unlinked_.find(id);
  if (at == unlinked_.end()) return std::nullopt;
  store::MessageRecord record;
  record.id = id;
  record.inode = at->second.inode;
  record.size = at->second.draft->size;
  record.date = {at->second.draft->time, 0};
  return record;
}

void Drafts::forgotten(MessageId id) {
  DraftPtr last;  // closes its file without the lock
  const MutexLock lock(mutex_);
  const auto at = unlinked_.find(id);
  if (at == unlinked_.end()) return;
  last = std::move(at->second.draft);
  unlinked_.erase(at);
}

}  // namespace emlfs
