// The mailboxes as they will be when our changes have reached the server: those of its list, with
// the pending ones created, renamed and removed. A pure function.
//
// In the journal a mailbox is called as the store calls it now, and that is as the server does
// until our change of its name is done. Only the last level of a new name, and of a created one, is
// as it will be. A created one whose name another mailbox still has is called otherwise until
// then: see provisionalName().
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "emlfs/mail/ids.h"
#include "emlfs/mail/mailbox.h"
#include "emlfs/store/journal.h"

namespace emlfs::sync {

bool ofMailboxes(const store::Change& change);

// A name that no server can give, for a mailbox that is to be called `wire` once that is free.
std::string provisionalName(std::string_view wire, MailboxId id);
// What it is to be called; any other name is returned as it is.
std::string realName(std::string_view wire);

// Whether `wire` is the mailbox `above`, or below it.
bool isWithin(std::string_view wire, std::string_view above, char delimiter);
// The level above, empty if there is none.
std::string parentName(std::string_view wire, char delimiter);
std::string lastLevel(std::string_view wire, char delimiter);

struct PlannedMailbox {
  ListEntry entry;       // `wire`: what it will be called
  std::string wire;      // what the server calls it now, or the store, if it isn't there yet
  std::string was = {};  // what the store may call it still
  MailboxId id = {};     // of one that isn't there yet
  bool unborn = false;
};

struct Plan {
  std::vector<PlannedMailbox> mailboxes;
  std::set<std::string> removed;  // on the server still, or perhaps; to be shown nowhere
};

// `changes`: those of mailboxes that are neither done nor refused, in the order of their numbers.
// One that can't come true as things are (there is such a mailbox already) is passed over.
Plan plan(const std::vector<ListEntry>& list, const std::vector<store::Change>& changes,
          char delimiter);

}  // namespace emlfs::sync
