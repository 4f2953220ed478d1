// Mailboxes that the option `mailboxes` leaves out: they are in no directory and nothing is cached
// of them, as if the server didn't list them. Their records stay in the store, hidden, so that none
// of them is missed, \Trash is known, and what was pending in them when they were shown is sent.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "emlfs/sync/sync.h"
#include "emlfs/view/layout.h"

namespace emlfs::sync {

// "Lists/lkml".
std::string joined(const std::vector<std::string>& path);

// The directories that are to be there: of those that `layout` gives the mailboxes that are shown
// and the levels above them. What is left out, and a mailbox, is added to `left_out`; above one
// that is shown it is a mere level.
std::vector<view::Directory> shownOf(std::vector<view::Directory> directories,
                                     std::span<const std::string> patterns,
                                     std::vector<view::Directory>& left_out);

// Whether the mailbox that the server calls so is.
bool isLeftOut(const std::string& wire, const std::vector<Namespace>& namespaces,
               std::span<const std::string> patterns);
// The wire names of those in a list.
std::set<std::string> leftOut(const std::vector<ListEntry>& list,
                              const std::vector<Namespace>& namespaces,
                              std::span<const std::string> patterns);

// Wire names of mailboxes that changes of ours speak of, those that were refused among them.
std::set<std::string> namedByChanges(const Pending* pending);

}  // namespace emlfs::sync
