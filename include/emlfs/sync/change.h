// What a person does to messages: acknowledged by the journal, seen at once, sent by replay().
//
// Each returns when the change is on the disk. Two calls about one directory must not run at the
// same time (the kernel sees to that); anything else may. `store.pending` must be set.
// Throws Error(system) if the journal can't be written: then nothing has happened.
#pragma once

#include <string>

#include "emlfs/sync/sync.h"

namespace emlfs::sync {

// Gives the message another directory or name, or both. Throws Error(exists, message) if another
// file has the name, Error(not_permitted, mailbox) for a directory that is no mailbox, Error(stale)
// if the message is gone. `on_change` is told of what else had to move, not of this.
void moveMessage(Store store, MessageId id, MailboxId directory, const std::string& name,
                 const OnChange& on_change);

// What is seen of that: the part of moveMessage() that follows when the journal has it. Where the
// message or its new mailbox has gone since, or the server has refused the move, the message stays
// where it is, and `on_change` is told.
void showMove(Store store, MessageId id, MailboxId directory, const std::string& name,
              const OnChange& on_change);

// The flags of `add` are set and those of `remove` taken away, all others stay as they are. With
// \Deleted added the messages are hidden, and shown again with \Deleted removed. All or none.
void changeFlags(Store store, const std::vector<MessageId>& ids, const Flags& add,
                 const Flags& remove, const OnChange& on_change);

// For good. All or none.
void expungeMessages(Store store, const std::vector<MessageId>& ids, const OnChange& on_change);

// What is seen of deletions that the journal has: the last part of changeFlags() and
// expungeMessages(). Those that were refused since stay.
void showDeletion(Store store, const std::vector<MessageId>& ids, const OnChange& on_change);

// Where deleted messages and mailboxes go; absent if the server has no \Trash.
std::optional<store::MailboxRecord> trashOf(const store::Snapshot& snapshot);

// A change of a message as the journal is told of it: what is to happen is left to be said.
store::Change changeOf(store::Change::Kind kind, Store store, const store::Snapshot& snapshot,
                       const store::MessageRecord& message);

// What was acknowledged, or refused, and didn't reach the cache, which a crash leaves behind the
// journal, or which was deleted. To be called before anything else is done with the store.
void showPending(Store store);

}  // namespace emlfs::sync
