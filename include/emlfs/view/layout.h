// Where mailboxes stand in the tree. A pure function of what LIST and NAMESPACE said.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "emlfs/mail/mailbox.h"

namespace emlfs::view {

struct Directory {
  std::vector<std::string> path;   // file names from the root down; never empty
  std::optional<ListEntry> entry;  // absent: a level of the hierarchy that LIST did not name
};

// One Directory for each entry and each level above one, parents before children, no path twice.
// The personal namespace's prefix is not shown; INBOX is INBOX in any case. Of entries that
// would have one path, the later ones get a hash of their name behind it.
std::vector<Directory> layout(const std::vector<ListEntry>& entries,
                              const std::vector<Namespace>& namespaces, bool utf8);

}  // namespace emlfs::view
