// Some servers (Courier) give a mailbox another UIDVALIDITY with another name, and its messages
// other UIDs, though they are the same. Then what is known of them, and what is pending, goes on.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "emlfs/sync/sync.h"
#include "sync/told_changes.h"

namespace emlfs::sync {

// Message-ID and INTERNALDATE in seconds. RFC822.SIZE may lie, and only one of both sides knows: it
// can't be part of this.
using Likeness = std::pair<std::string, int64_t>;

// What the journal says of messages, also where a lost cache knows nothing of them.
struct Mention {
  UidValidity uid_validity = 0;
  Uid uid = 0;
  Likeness likeness;
};
using Mentions = std::map<std::string, std::vector<Mention>>;  // by mailbox
Mentions mentions(const Pending& pending);

// Absent if the mailbox, of which `mentioned` speaks, has the UIDVALIDITY that is known under its
// new name `wire`, too. Else those messages that are known or mentioned and can be told apart by
// their likeness, or stand in the same order, are found again. After a crash the store may have it
// already.
std::optional<Revalued> revalued(imap::Session& session, Store store,
                                 const store::MailboxRecord& record,
                                 const std::vector<Mention>& mentioned, const std::string& wire);

// Writes that into the store: messages that were not found again go, and the mailbox is listed
// again unless all are known. Adds what the kernel has to hear to `change`, or to `elsewhere` where
// a message is shown in another directory.
void renumber(store::Update& update, store::MailboxRecord& record, const Revalued& revalued,
              TreeChange& change, Changes& elsewhere);

}  // namespace emlfs::sync
