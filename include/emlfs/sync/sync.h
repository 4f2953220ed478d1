// Brings the store up to what the server has. The only writer of what the server said. Each call
// uses one session from one thread; calls for different mailboxes may run at the same time, for one
// mailbox they must not.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "emlfs/imap/session.h"
#include "emlfs/store/cache.h"
#include "emlfs/sync/tree_change.h"
#include "emlfs/view/names.h"

namespace emlfs::sync {

// Called after each commit, with no transaction open.
using OnChange = std::function<void(const TreeChange&)>;

// What the functions below work on. References that outlive the call.
struct Store {
  store::Cache& cache;
  store::IdSource& ids;
  const view::NameFormat& names;
};

// Asks for the list of mailboxes and makes the directories follow. Throws Error.
void refreshDirectories(imap::Session& session, const std::vector<Namespace>& namespaces,
                        Store store, const OnChange& on_change);

// The same, and asks for their statuses too. Returns the mailboxes that have been listed (in part,
// too) and are no longer what the store holds.
std::vector<MailboxId> refreshTree(imap::Session& session, const std::vector<Namespace>& namespaces,
                                   Store store, const OnChange& on_change);

// Of the mailboxes that have been listed, those that are no longer what the store holds, by what
// the server says of them (wire name -> STATUS).
std::vector<MailboxId> staleMailboxes(Store store,
                                      const std::map<std::string, MailboxStatus>& statuses);

// Makes one mailbox follow: first what changed among the messages that are known, by the best
// strategy that the server has (QRESYNC, else CONDSTORE, else plain), then the messages that are
// not known yet, in steps; each step is committed and readable at once, so an interrupted first
// listing goes on where it stopped. Throws Error.
void syncMailbox(imap::Session& session, Store store, MailboxId mailbox, const OnChange& on_change);

}  // namespace emlfs::sync
