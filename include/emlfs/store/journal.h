// The journal of changes, in state_dir: what was acknowledged to a program and may not have reached
// the server yet, and the names that the user gave. An LMDB environment, journal.mdb, synced before
// anything in it is acknowledged. It says nothing about what the changes mean: who replays them
// does.
//
// Thread-safe. Callers that commit at the same time share one transaction and its sync.
//
// Failures. A full disk is Error(system): nothing of that batch was acknowledged, nothing of it is
// there, and the journal goes on. After a commit that failed on its way to the disk nobody can tell
// which pages the disk has (a kernel forgets what it couldn't write, so the next sync would
// succeed): every later commit() throws Error(system) until the journal is opened anew. Then the
// failed batch is there as a whole, or not at all.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "emlfs/base/error.h"
#include "emlfs/mail/ids.h"
#include "emlfs/mail/message.h"

namespace emlfs::store {

// How the server knows a message.
struct MessageRef {
  std::string mailbox = {};  // wire name
  UidValidity uid_validity = 0;
  Uid uid = 0;                  // 0: it began here and the server doesn't have it yet
  std::string message_id = {};  // the raw field; empty if it has none
  uint64_t size = 0;            // bytes
  bool operator==(const MessageRef&) const = default;
};

struct Change {
  enum class Kind : uint8_t {
    move,            // source to `mailbox`
    flags,           // of source
    append,          // the spool file to `mailbox`
    create_mailbox,  // `mailbox`
    rename_mailbox,  // `mailbox` to `other`
    remove_mailbox,  // `mailbox`, which may be called `other` once that is begun
    expunge,         // source
  };
  enum class State : uint8_t {
    pending,
    begun,   // sent, and the outcome is not known
    copied,  // the first step is done, where there is no MOVE
    parked,  // the server refused it
  };
  // What was noted about `mailbox` before sending, to find out afterwards whether it happened.
  struct Destination {
    UidValidity uid_validity = 0;
    Uid uid_next = 0;
    Uid uid = 0;  // of the message there, once known
    bool operator==(const Destination&) const = default;
  };

  // Given by commit() in the order of acknowledgement; never given again.
  uint64_t number = 0;
  Kind kind = Kind::move;
  MessageId id;  // of a mailbox its MailboxId, or 0
  MessageRef source;
  std::string mailbox;  // wire name: the destination, or the object
  std::string other;    // wire name: the new one
  Flags add;            // an append's are those it begins with
  Flags remove;
  InternalDate date;
  // File name in the spool. Of a change that is no append: it happens because the append of this
  // file takes the message's place.
  std::string spool;
  uint64_t size = 0;         // of the spool file
  int64_t acknowledged = 0;  // seconds since 1970, given by commit() with the number

  State state = State::pending;
  Destination destination;
  Code error = Code::refused;  // of a parked one, with the server's words
  std::string server;
  // Carried over from a damaged journal that can't be known whole: it may have come further than
  // `state` says, or be done. To be found out before it is sent.
  bool recovered = false;
  bool deletion = false;  // of a move: it is one to \Trash
  int64_t begun_at = 0;   // seconds since 1970, when it was sent last; 0: it was not, or long ago
  bool operator==(const Change&) const = default;
};

// Whose name it is: a message's on the server, or with `uid` 0 that of a local id.
struct NameKey {
  std::string mailbox = {};  // wire name
  UidValidity uid_validity = 0;
  Uid uid = 0;
  MessageId id = {};
  bool operator==(const NameKey&) const = default;
};

struct GivenName {
  NameKey key = {};
  std::string directory = {};  // wire name of the mailbox it was given in
  std::string name = {};       // file name
  // Of a message on the server, to know it again under another UID: the raw field, and INTERNALDATE
  // in seconds since 1970.
  std::string message_id = {};
  int64_t date = 0;
  bool operator==(const GivenName&) const = default;
};

// What happens together, in this order.
struct Batch {
  std::vector<Change> add = {};  // number and time are given, whatever they hold
  // Replace those of the same number. One that is gone stays so: it was removed meanwhile.
  std::vector<Change> update = {};
  std::vector<uint64_t> remove = {};  // numbers; ignored if gone
  std::vector<NameKey> remove_names = {};
  std::vector<GivenName> put_names = {};
};

class Journal {
 public:
  // Opens or creates the journal in `state_dir` (made with mode 0700), which the caller has locked.
  // Everything in it is checked. A damaged one is kept as journal.mdb.damaged-1, -2, ...; what can
  // be read of it is carried into a new one, see notice(). Throws Error(system), or
  // Error(invalid, account) if a later emlfs has written it, which then stays as it is.
  static std::unique_ptr<Journal> open(const std::string& state_dir);
  virtual ~Journal() = default;  // writes what note() left; nobody else is in a call

  // Returns once all of it is on the disk: the numbers of those added, in their order. A record of
  // more than 256 KiB or a malformed key is Error(invalid, message).
  virtual std::vector<uint64_t> commit(const Batch& batch) = 0;
  // An update that reading shows at once and the disk has with the next commit, or when the journal
  // is closed in order: a crash may lose it. Right for progress that can be found out again:
  // copied, a known destination UID, pending again because nothing was sent. Wrong for begun:
  // without it a restart would send twice.
  virtual void note(const Change& change) = 0;

  virtual std::vector<Change> changes() const = 0;  // all, in the order of their numbers
  virtual std::optional<Change> change(uint64_t number) const = 0;
  virtual std::optional<GivenName> name(const NameKey& key) const = 0;
  // Until `each` returns false, which must not call the journal.
  virtual void eachName(const std::function<bool(const GivenName&)>& each) const = 0;

  // A line for a person if open() found damage, which it has logged; else empty.
  virtual std::string notice() const = 0;

  struct Stats {
    uint64_t changes = 0;  // in the journal now
    uint64_t batches = 0;  // committed since it was opened, and in how many transactions
    uint64_t commits = 0;
  };
  virtual Stats stats() const = 0;
};

}  // namespace emlfs::store
