// The directories of the store against those that are to be seen: one transaction's work.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "emlfs/store/cache.h"
#include "emlfs/store/ids.h"
#include "emlfs/sync/tree_change.h"
#include "emlfs/view/layout.h"
#include "sync/overlay.h"

namespace emlfs::sync {

// To be called in this order: hide(), then leaveOut() and place() for each, keepLevels() if the
// list is not the server's, finish(); what was known and is none of these goes. Commits nothing.
// Not thread-safe.
class DirectoryUpdate {
 public:
  DirectoryUpdate(store::Update& update, store::IdSource& ids);

  // These are to stay in the store, and in no directory.
  void hide(const std::set<std::string>& wires);

  // The same for a mailbox that a person has chosen not to see. What is cached of it goes, unless
  // changes of ours speak of it (`named`) or a new message waits in it. Its name is only for those.
  void leaveOut(const view::Directory& directory, const PlannedMailbox& planned, bool named);

  // Parents come before their children. `planned`: of what is more than a level.
  void place(const view::Directory& directory, const PlannedMailbox* planned);

  // Levels that nothing is in any more stay until the server's list says so: who removes a tree
  // removes them, too.
  void keepLevels();

  void finish();

  // What the kernel has to hear, by directory.
  const std::map<MailboxId, TreeChange>& changes() const { return changes_; }

 private:
  bool isTaken(MailboxId parent, const std::string& name) const;
  bool isKnown(const store::MailboxRecord& record) const;
  bool awaitsDraft(MailboxId id) const;
  std::optional<MailboxId> identify(const PlannedMailbox& planned) const;
  std::optional<MailboxId> identify(const view::Directory& directory, const PlannedMailbox* planned,
                                    MailboxId parent) const;
  void removeLost();
  void putBackArrivals(MailboxId directory);
  void moveAside();
  void removeMessages(MailboxId mailbox);
  void unnameMessages(MailboxId mailbox);
  void renameMessage(MessageId id, const store::MailboxRecord& mailbox);
  TreeChange& changeOf(MailboxId directory);
  void addName(MailboxId directory, const std::string& name);
  void removeName(MailboxId directory, uint64_t node, const std::string& name);

  store::Update& update_;
  store::IdSource& ids_;
  std::unordered_map<MailboxId, store::MailboxRecord> known_;
  std::unordered_map<std::string, MailboxId> by_wire_;
  std::unordered_map<std::string, MailboxId> at_;
  std::unordered_set<MailboxId> kept_;
  std::vector<store::MailboxRecord> pending_;
  std::map<MailboxId, TreeChange> changes_;
};

}  // namespace emlfs::sync
