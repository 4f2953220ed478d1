// What the store holds after a change of ours has reached the server, or was refused.
#pragma once

#include <map>
#include <set>
#include <string>

#include "emlfs/sync/sync.h"

namespace emlfs::sync {

std::optional<store::MailboxRecord> mailboxByWire(const store::Snapshot& snapshot,
                                                  const std::string& wire);

// Messages are in `mailbox` now, under these UIDs; 0 where the server didn't say. They are shown
// where they were, or there if that was their old mailbox. A record that a UID has already is the
// same message, and goes. Returns the UIDs that are known now.
// `validity` is that of the UIDs, 0 where there are none.
std::map<MessageId, Uid> settle(Store store, const std::string& mailbox, UidValidity validity,
                                std::map<MessageId, Uid> uids, const OnChange& on_change);

// A new message is found to be the one that it replaces: it has its UID, flags and date from now
// on, and the record of that one goes.
void takeOver(Store store, MessageId id, MessageId old, const OnChange& on_change);

// Messages have these flags now.
void settleFlags(Store store, const Run& run);

// Messages are gone for good.
void settleExpunged(Store store, const Run& run);

// Messages of which it was said that they are in a mailbox, and which a whole look at it has not
// found: another client was there first.
void forgetLost(Store store, const std::set<MessageId>& expected, const OnChange& on_change);
// What is to happen to this message waits for its UID, which nobody can tell any more: that is
// void, and its record goes. The message, if there is one, is another one from now on. False if
// there is no such change.
bool forgetOrphan(Store store, MessageId id, const OnChange& on_change);

}  // namespace emlfs::sync
