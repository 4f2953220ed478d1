// What a person does to mailboxes: acknowledged by the journal, seen at once, sent by replay().
//
// Each returns when the change is on the disk. Two calls that name one directory must not run at
// the same time (the kernel sees to that); anything else may. `store.pending` must be set.
// `on_change` hears only of what the kernel doesn't do itself.
//
// Errors, of scope mailbox: exists; not_empty; stale (gone meanwhile); busy (INBOX and mailboxes
// with a special use); not_permitted (a leading '.'); invalid (what can't be a mailbox's name, into
// itself); denied (no right, no mailboxes below that one); system (the journal can't be written:
// nothing has happened).
#pragma once

#include <string>

#include "emlfs/sync/sync.h"

namespace emlfs::sync {

store::MailboxRecord makeMailbox(Store store, MailboxId parent, const std::string& name,
                                 const OnChange& on_change);

// With all below it. Never over another directory, not even an empty one.
void renameMailbox(Store store, MailboxId id, MailboxId parent, const std::string& name,
                   const OnChange& on_change);

// One in which nothing is shown. What is hidden in it goes to the \Trash mailbox with it.
void removeMailbox(Store store, MailboxId id, const OnChange& on_change);

}  // namespace emlfs::sync
