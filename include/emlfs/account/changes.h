// What a person changes. Each call checks, writes the journal and returns when that is on the disk:
// the change is acknowledged, is in every view, and is sent by the account's own thread. Nothing
// here waits for the network but what takes a Done. Thread-safe, but two calls that name one
// directory must not run at the same time (the kernel holds its lock).
//
// Errors, all of scope message or mailbox: exists (a name is taken), denied (no right),
// not_permitted (never possible here), stale (gone meanwhile), busy, not_empty, invalid (not a
// message), system (the journal or spool can't be written: nothing has happened).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "emlfs/account/account.h"
#include "emlfs/mail/message.h"

namespace emlfs {

class Changes {
 public:
  virtual ~Changes() = default;

  // Messages and drafts. A draft that gets a name that is not a temporary's is finished by it; over
  // a message it replaces that one (`replace`), which a message never does (Error(exists)).
  virtual void rename(MessageId id, MailboxId directory, const std::string& name, bool replace) = 0;
  // By the delete policy of the options; a draft goes at once.
  virtual void remove(MessageId id) = 0;
  // \Deleted hides the message, or shows it again. Others' flags stay as they are.
  virtual void setFlags(MessageId id, const Flags& add, const Flags& remove) = 0;
  // For good (`emlfs expunge`), or back again (`emlfs undelete`): those of these messages that are
  // hidden in this directory by \Deleted. Returns how many that were.
  virtual uint64_t expungeHidden(MailboxId directory, const std::set<MessageId>& ids) = 0;
  virtual uint64_t showHidden(MailboxId directory, const std::set<MessageId>& ids) = 0;
  // "retry all", "retry 3 4", "drop 3": changes that the server refused, by their numbers. Errors:
  // invalid, not_found, busy (not refused), stale (its message is no longer there).
  virtual void commandJournal(std::string_view words) = 0;

  // Drafts: files that are being written.
  virtual store::MessageRecord create(MailboxId directory, const std::string& name) = 0;
  virtual void write(MessageId id, uint64_t offset, std::string_view bytes) = 0;
  // `open_there`: by who has it open, and will close it.
  virtual void truncate(MessageId id, uint64_t size, bool open_there) = 0;
  // Seconds since 1970: a draft's becomes its INTERNALDATE. On a message Error(not_permitted) for
  // another time than it has.
  virtual void setTime(MessageId id, int64_t seconds) = 0;
  // Somebody who could write to this file has closed it.
  virtual void closed(MailboxId directory, std::string_view name) = 0;
  // closed() is not called for all: drafts are finished 30 s after they were last written, too.
  virtual void deaf() = 0;
  // A draft that was removed or replaced, or got another id when it was finished, stays, without a
  // name, for those who have it open, until the kernel has forgotten it: absent for all others.
  virtual std::optional<store::MessageRecord> unlinked(MessageId id) const = 0;
  virtual void forgotten(MessageId id) = 0;
  // On the disk; for a message nothing.
  virtual void sync(MessageId id) = 0;

  // Mailboxes.
  virtual store::MailboxRecord makeMailbox(MailboxId parent, const std::string& name) = 0;
  virtual void renameMailbox(MailboxId id, MailboxId parent, const std::string& name) = 0;
  virtual void removeMailbox(MailboxId id) = 0;

  // `done` runs when all that was acknowledged before the call has reached the server, or with the
  // error of what didn't: the server's refusal of any of it, or why it can't be reached. Drafts
  // that are closed are sent, too. With a `wait` of newFlush(), Account::cancel() ends it; 0:
  // nothing does. What isn't sent by then is sent all the same. Refusals are those of changes that
  // were acknowledged after `since`, a latest(). Without it, this is a flush: of each refusal the
  // first one hears, and of what kept a draft from being finished.
  virtual void flush(WaitId wait, std::optional<uint64_t> since, Done done) = 0;
  virtual uint64_t latest() const = 0;
  virtual uint64_t pending() const = 0;  // how many are on their way, and were not refused
  // A name for a flush that is about to begin: an interruption may come before.
  virtual WaitId newFlush() = 0;
};

}  // namespace emlfs
