// Brings the store up to what the server has. The only writer of what the server said. Each call
// uses one session from one thread; calls for different mailboxes may run at the same time, for one
// mailbox they must not.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "emlfs/imap/session.h"
#include "emlfs/store/cache.h"
#include "emlfs/store/spool.h"
#include "emlfs/sync/pending.h"
#include "emlfs/sync/tree_change.h"
#include "emlfs/view/names.h"

namespace emlfs::sync {

// Called after each commit, with no transaction open.
using OnChange = std::function<void(const TreeChange&)>;

// A mailbox can't be brought up to date as long as messages of ours are on their way into it: it
// would be unknown which of its new UIDs are theirs. What had been done before that is committed.
class Postponed : public Error {
 public:
  explicit Postponed(const std::string& what) : Error(Code::busy, Scope::mailbox, what) {}
};

// What the functions below work on. References that outlive the call.
struct Store {
  store::Cache& cache;
  store::IdSource& ids;
  const view::NameFormat& names;
  Pending* pending = nullptr;                   // absent: there are no changes of ours
  const store::Spool* spool = nullptr;          // absent: there are no new messages among them
  std::span<const std::string> mailboxes = {};  // which are shown, see view/mailbox_patterns.h
};

// What was odd about the last list, so that the same oddity on another connection is believed.
struct Doubts {
  // Mailboxes that were listed without the status that the server gave of the others: nobody may
  // look into them, or they are gone, and that connection had not heard of it (Dovecot 2.3).
  // Absent: no list has been seen yet.
  std::optional<std::set<std::string>> unasked;
  // Mailboxes that were not listed although the server didn't say that they are gone: nobody may
  // see them, or the list was broken (Dovecot 2.3 again).
  std::set<std::string> unlisted;
  // Lists in a row that held both names, or neither, of what a begun rename of ours renames.
  unsigned renames = 0;
  // The last list was not followed: a rename has to be found out first, so ask again soon. Not for
  // ever: the journal may be one that is only read.
  bool awaitsRename() const { return renames != 0 && renames <= 10; }
};

// Asks for the list of mailboxes and makes the directories follow. Returns the mailboxes that have
// been listed (in part, too) and are no longer what the store holds. If the list is odd in a way
// that `doubts` doesn't know, nothing is changed but `doubts`, and Error(stale, connection) asks
// for another try on a new connection, whose answer is taken; but mailboxes that the server knows
// when asked and goes on not to list stay. Throws Error.
std::vector<MailboxId> refreshTree(imap::Session& session, const std::vector<Namespace>& namespaces,
                                   Store store, Doubts& doubts, const OnChange& on_change);

// Of the mailboxes that have been listed, those that are no longer what the store holds, by what
// the server says of them (name -> STATUS). The name may be in UTF-8 where a wire name can't be
// that: Dovecot 2.3 writes it so in what it pushes.
std::vector<MailboxId> staleMailboxes(Store store,
                                      const std::map<std::string, MailboxStatus>& statuses);

// Makes one mailbox follow: first what changed among the messages that are known, by the best
// strategy that the server has (QRESYNC, else CONDSTORE, else plain), then the messages that are
// not known yet, in steps; each step is committed and readable at once, so an interrupted first
// listing goes on where it stopped. Unless `believe_empty`, a mailbox that held messages and is
// empty without a word of their end is Error(stale, connection): ask again, on a new connection and
// with true. Throws Error, Postponed among them.
void syncMailbox(imap::Session& session, Store store, MailboxId mailbox, const OnChange& on_change,
                 bool believe_empty = true);

}  // namespace emlfs::sync
