// Writes the directories into the store: where the server's list and our pending changes put them.
#pragma once

#include <cstdint>
#include <vector>

#include "emlfs/sync/sync.h"

namespace emlfs::sync {

// A mailbox of the store as the server has listed it.
ListEntry entryOf(const store::MailboxRecord& record, const std::vector<Namespace>& namespaces);

// Makes the store follow a list of the server. False, and nothing is changed, if mailboxes were
// changed by us since `epoch`: the list may be from before.
bool follow(const std::vector<ListEntry>& entries, const std::vector<Namespace>& namespaces,
            uint64_t epoch, Store store, const OnChange& on_change);

// The same with what the store knows of the server, after our pending changes are others.
void reshape(Store store, const OnChange& on_change);
// The same before anybody looks: an earlier mount may have shown other mailboxes. What the server
// calls a level and no mailbox comes back with its next list.
void showChosen(Store store);

}  // namespace emlfs::sync
