// Drafts that were removed or replaced while somebody may have them open: bytes without a name, as
// on any file system. The kernel forgets a file without a name when it is closed; of one that it
// doesn't know it would never tell.
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
  if (unlinked.draft->known) unlinked_[id] = std::move(unlinked);
  drafts_.erase(id);
  due_.erase(id);
}

std::optional<store::MessageRecord> Drafts::unlinked(MessageId id) const {
  DraftPtr draft = find(id);
  if (!draft) draft = findUnlinked(id);
  if (!draft) return std::nullopt;
  store::MessageRecord record;
  record.id = id;
  record.inode = localInode(id);
  record.size = draft->size;
  record.date = {draft->time, 0};
  return record;
}

void Drafts::forgotten(MessageId id) {
  DraftPtr last;  // closes its file without the lock
  const MutexLock lock(mutex_);
  if (const auto draft = drafts_.find(id); draft != drafts_.end()) draft->second->known = false;
  const auto at = unlinked_.find(id);
  if (at == unlinked_.end()) return;
  last = std::move(at->second.draft);
  unlinked_.erase(at);
}

}  // namespace emlfs
