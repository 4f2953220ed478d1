// The facade that src/fs talks to: reads the store, goes to the network only on a miss, keeps the
// store up to date. Owns the threads, the pool and the cache. Thread-safe.
//
// Nothing here waits for the network but what says so: what needs it takes a callback, which runs
// once, on another thread or before the call returns, with no lock held.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "emlfs/base/error.h"
#include "emlfs/imap/pool.h"
#include "emlfs/store/cache.h"
#include "emlfs/sync/tree_change.h"

namespace emlfs {

class Changes;  // account/changes.h

// What becomes of a message that is removed.
enum class Deletion {
  flag,     // it gets \Deleted, and is hidden; other mail programs still show it so
  trash,    // it is moved to the mailbox that is \Trash; in there it is expunged
  expunge,  // it is removed for good
};

struct AccountOptions {
  std::string source;       // as the user wrote it, for status
  std::string secret_from;  // what gives the password or token, for status: "password_command"
  imap::SessionOptions session;
  std::string cache_dir;
  std::string state_dir;
  std::string name_format;   // empty: the default pattern
  unsigned connections = 4;  // at most, those that only watch included
  Milliseconds poll{30'000};
  uint64_t cache_size = uint64_t{2} << 30;  // bytes of bodies
  bool read_only = true;                    // what earlier mounts left pending is shown, not sent
  Deletion deletion = Deletion::flag;
  std::vector<std::string> mailboxes;  // patterns: see view/mailbox_patterns.h; empty: all
  imap::Rate bandwidth;                // of all connections together, received and sent
};

// Absent error: it went well.
using Done = std::function<void(const std::optional<Error>&)>;
// Bytes of a body, valid until the callback returns; fewer than asked for only at the end.
using ReadDone =
    std::function<void(const std::optional<Error>&, const std::vector<std::string_view>&)>;
using Listener = std::function<void(const sync::TreeChange&)>;

// Somebody reads the messages of a directory one after the other.
struct WalkNews {
  MailboxId directory;
  MessageId read;               // now, from its beginning
  std::vector<MessageId> next;  // what comes later and is cached, in that order; told once
};
using WalkListener = std::function<void(const WalkNews&)>;

// Names a wait, so that it can be ended early.
using WaitId = uint64_t;

class Account {
 public:
  // Opens cache and state, takes the lock on them. Throws Error(busy) if they are in use,
  // Error(system or damaged).
  static std::unique_ptr<Account> open(const AccountOptions& options);
  virtual ~Account() = default;  // stops

  // Connects, logs in, brings the list of mailboxes up to date; waits for the network. With a cache
  // to work from, a server that can't be reached is no failure: then the account is started without
  // it, and the reason is returned. Throws Error.
  virtual std::optional<Error> start() = 0;
  virtual void stop() = 0;  // idempotent

  // Called from threads of the account, with no lock held.
  virtual void setListener(Listener listener) = 0;

  // What the user should know once it has started: how the cache was opened, as Cache::notice(), or
  // that the option `mailboxes` shows nothing. It is logged.
  virtual std::string notice() const { return {}; }

  virtual std::unique_ptr<store::Snapshot> snapshot() const = 0;

  // True once every message of the mailbox is in the store (always, for a directory that is none).
  virtual bool listed(const store::MailboxRecord& mailbox) const = 0;
  // A name for a wait that is about to begin: an interruption may come before whenListed is called.
  virtual WaitId newWait() = 0;
  // Calls `done` when UIDs above `beyond` have been listed, or the whole mailbox is, or it can't
  // be. Starts the listing.
  virtual void whenListed(WaitId wait, MailboxId mailbox, Uid beyond, Done done) = 0;
  // The callback of the wait gets Error(cancelled), on this thread, if it has not run.
  virtual void cancel(WaitId wait) = 0;

  // Somebody looks at this directory: have it refreshed soon if that was long ago.
  virtual void touched(MailboxId mailbox) = 0;
  // Somebody lists it from the beginning: it counts as touched, and who goes on to list others will
  // find them listed.
  virtual void visited(MailboxId mailbox) = 0;

  // Called by whoever calls read(), with no lock held: of every beginning that is read, what comes
  // next or not. To be set before the first read.
  virtual void setWalkListener(WalkListener listener) = 0;
  // All bytes of a message as large as a walk takes along, for who was not asked for them. Absent
  // unless they are at hand, are sure to stay what they are for as long as this lives, have the
  // length that the kernel was told, and nobody waits for any of them. Throws Error.
  virtual std::optional<std::string> settledBody(MessageId id) = 0;

  // With a `wait` of newRead(), cancel() ends it; 0: nothing does.
  virtual void read(WaitId wait, MessageId id, uint64_t offset, uint32_t size, ReadDone done) = 0;
  virtual WaitId newRead() = 0;
  // The kernel is told this size of the message: see Code::size_changed.
  virtual void sizeTold(MessageId id, uint64_t size) = 0;

  // How a person changes what is there; absent if the account is read-only. Lives as long as this.
  virtual Changes* changes() = 0;
  // A message as it is now: the store has size and time of a draft only once it is finished.
  virtual store::MessageRecord live(store::MessageRecord message) const = 0;
  // Of a message, with what is pending.
  virtual Flags flags(const store::MessageRecord& message) const = 0;

  // Changes that are pending or were refused, with numbers above `after`: JSON, documented in
  // ARCHITECTURE.md.
  virtual std::string journal(uint64_t after) const = 0;
  // Messages of the directory that \Deleted hides, and the directories below: JSON, a page of it.
  // `after`: the `next` of the one before, or 0.
  virtual std::string hidden(MailboxId directory, uint64_t after) const = 0;
  // What the server said last of the room there is; absent if it has set no limit.
  virtual std::optional<imap::Quota> quota() const = 0;

  // JSON, the shape is documented in ARCHITECTURE.md. `requests`: how often the kernel has asked,
  // by operation.
  virtual std::string status(const std::map<std::string, uint64_t>& requests) const = 0;
};

}  // namespace emlfs
