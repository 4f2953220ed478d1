// What this user may do to a mailbox, as far as the server has said: by MYRIGHTS (RFC 4314), by
// opening it for reading only, by PERMANENTFLAGS, by refusing. What it has not said is allowed:
// then the server decides when the change is sent.
#pragma once

#include <optional>
#include <string>

#include "emlfs/imap/session.h"
#include "emlfs/store/cache.h"

namespace emlfs::sync {

// The letters of RFC 4314 section 2.1 that changes need.
enum class Right : char {
  insert = 'i',          // add messages
  seen = 's',            // change \Seen
  write = 'w',           // change other flags
  erase = 't',           // change \Deleted
  expunge = 'e',         // remove for good
  make = 'k',            // make mailboxes below, or move them there
  remove_mailbox = 'x',  // remove it, or give it another name
};

bool allowed(const store::MailboxRecord& mailbox, Right right);
// Throws Error(denied, mailbox) unless all that is needed is allowed.
void requireRights(const store::MailboxRecord& mailbox, std::initializer_list<Right> needed);
// To change these flags, \Deleted among them.
void requireFlagRights(const store::MailboxRecord& mailbox, const Flags& flags);

// What MYRIGHTS said. Returns whether anything is other than before.
bool learnRights(store::MailboxRecord& mailbox, const std::optional<std::string>& rights);
// What SELECT said. Only for learning more: it can't tell rights that were given.
bool learnRights(store::MailboxRecord& mailbox, const imap::Selected& selected);

}  // namespace emlfs::sync
