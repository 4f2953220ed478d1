// What a server says about a mailbox. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "emlfs/mail/ids.h"
#include "emlfs/mail/message.h"
#include "emlfs/mail/uid_set.h"

namespace emlfs {

// STATUS, or what LIST-STATUS gave (RFC 5819). 0 where the server did not say.
struct MailboxStatus {
  uint32_t messages = 0;
  Uid uid_next = 0;
  UidValidity uid_validity = 0;
  ModSeq highest_modseq = 0;
  bool operator==(const MailboxStatus&) const = default;
};

// One LIST response.
struct ListEntry {
  std::string wire;    // the name as the server writes it, modified UTF-7 and all
  char delimiter = 0;  // 0: NIL, a flat name
  bool selectable = true;
  bool inferiors = true;    // false: \Noinferiors
  std::string special_use;  // "\Sent" and so on (RFC 6154), or empty
  std::optional<MailboxStatus> status;
};

// One entry of NAMESPACE (RFC 2342).
struct Namespace {
  enum class Kind { personal, other_users, shared };
  Kind kind = Kind::personal;
  std::string prefix;
  char delimiter = 0;
};

// How far the store has followed a mailbox. Stored only together with the changes it speaks of.
struct SyncState {
  UidValidity uid_validity = 0;
  Uid uid_next = 0;
  ModSeq highest_modseq = 0;
  // Messages up to this UID have been seen; the first listing and new mail both go on from here.
  Uid listed_to = 0;
  uint32_t messages = 0;  // EXISTS, when the state was taken
  bool complete = false;  // every message that existed then is in the store
  bool operator==(const SyncState&) const = default;
};

struct FlagChange {
  Uid uid = 0;
  Flags flags;
  ModSeq modseq = 0;
};

// What happened in a mailbox, with the state it leads to: one transaction.
struct Delta {
  SyncState state;
  bool replaced = false;  // UIDVALIDITY changed: everything known before is gone
  UidSet vanished;
  std::vector<FlagChange> changed;
  std::vector<MessageMeta> added;
};

}  // namespace emlfs
