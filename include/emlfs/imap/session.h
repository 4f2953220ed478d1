// One IMAP connection (RFC 9051, RFC 3501), logged in. One thread at a time owns a session; only
// interrupt() may be called from another. Every call has a deadline: Endpoint::timeout without
// progress throws Error(timeout). An Error of scope connection or account means: throw the session
// away. An Error of scope mailbox or message leaves it usable.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "emlfs/base/file.h"
#include "emlfs/imap/changes.h"
#include "emlfs/imap/endpoint.h"
#include "emlfs/mail/mailbox.h"

namespace emlfs::imap {

// Counted over all sessions of an account; read by `emlfs status`.
struct Traffic {
  std::atomic<uint64_t> bytes_in{0};  // as on the wire: with TLS records
  std::atomic<uint64_t> bytes_out{0};
  std::atomic<uint64_t> body_bytes{0};  // of BODY[] that arrived
  std::atomic<uint64_t> commands{0};
  std::atomic<uint64_t> connects{0};
  std::atomic<uint64_t> compressed{0};  // of them, those that compress
};

// Capabilities in upper case, as CAPABILITY gives them ("IMAP4REV1", "AUTH=PLAIN").
class Capabilities {
 public:
  Capabilities() = default;
  explicit Capabilities(std::set<std::string> names) : names_(std::move(names)) {}
  bool has(std::string_view name) const { return names_.count(std::string(name)) != 0; }
  const std::set<std::string>& names() const { return names_; }

  // The most bytes that APPEND takes (APPENDLIMIT, RFC 7889), where the server says one number for
  // all mailboxes.
  std::optional<uint64_t> appendLimit() const;

 private:
  std::set<std::string> names_;
};

class Throttle;  // emlfs/imap/throttle.h

struct SessionOptions {
  Endpoint endpoint;
  SecretSource secret;
  // Capabilities to act as if the server had not offered ("QRESYNC"): for servers that get one
  // wrong, and for the tests.
  std::set<std::string> without;
  Traffic* traffic = nullptr;  // not owned, outlives the session
  // If set (shared by the sessions of an account, not owned): bounds what they receive and send.
  Throttle* throttle = nullptr;
  // If set (not owned, outlives the session): what the session waits on instead of an event of its
  // own, so that signalling it ends open() too, with Error(cancelled, connection).
  Event* interrupt = nullptr;
};

// What SELECT or EXAMINE said.
struct Selected {
  UidValidity uid_validity = 0;
  Uid uid_next = 0;
  uint32_t messages = 0;
  ModSeq highest_modseq = 0;  // 0: NOMODSEQ, or no CONDSTORE
  bool read_only = true;      // always so after EXAMINE
  // Absent: the server didn't say, and all flags can be changed. Of use only after SELECT.
  std::optional<PermanentFlags> permanent_flags;
  // Only with QRESYNC parameters that the server took: what changed since.
  UidSet vanished;
  std::vector<FlagChange> changed;
};

// What is known already, for SELECT (QRESYNC ...), RFC 7162 section 3.2.5.
struct Known {
  UidValidity uid_validity = 0;
  ModSeq modseq = 0;
  Uid listed_to = 0;
};

// What will be asked next in a mailbox that is about to be selected. It is sent along, so that it
// costs no round trip of its own; nothing else depends on it.
struct Next {
  bool rights = false;               // first of all, by myRights()
  std::optional<UidRange> metadata;  // by fetchMetadata()
  struct Piece {
    Uid uid = 0;
    uint64_t offset = 0;
    uint32_t count = 0;
  };
  std::optional<Piece> piece;  // by fetchBody()
};

// Messages of a mailbox whose bodies are wanted. Nothing is given if it has another UIDVALIDITY.
struct WantedBodies {
  std::string wire;
  UidValidity uid_validity = 0;
  UidSet uids;
};

// A piece of a body.
struct BodyPiece {
  std::string bytes;
  // True if these bytes reach the end of the message: its length is then offset + bytes.size().
  bool at_end = false;
};

// What the server said without having been asked.
struct Push {
  bool selected = false;   // something happened in the selected mailbox
  bool mailboxes = false;  // mailboxes came, went or got another name
  bool overflow = false;   // NOTIFICATIONOVERFLOW: from now on the server says nothing any more
  bool woken = false;      // listen() was ended by wake()
  bool late = false;  // NOTIFY: it was said only when asked, by the NOOP at the end of listen()
  std::map<std::string, MailboxStatus> statuses;  // NOTIFY: of other mailboxes, by wire name

  bool empty() const { return !selected && !mailboxes && !overflow && statuses.empty(); }
};

class Session {
 public:
  // Connects, secures the connection, reads the greeting, logs in, learns the capabilities and
  // enables CONDSTORE / QRESYNC where offered. Throws Error: network, timeout, tls, auth, protocol.
  static std::unique_ptr<Session> open(const SessionOptions& options);
  virtual ~Session() = default;

  virtual const Capabilities& capabilities() const = 0;
  virtual std::string tlsVersion() const = 0;  // "TLSv1.3", empty without TLS
  virtual std::string greeting() const = 0;    // the server's text, made printable

  // NAMESPACE, until the server has told; where it doesn't know it: one personal one with the
  // prefix "".
  virtual std::vector<Namespace> namespaces() = 0;

  // Every mailbox of every namespace, with special use and status in one round trip where the
  // server has LIST-EXTENDED, SPECIAL-USE, LIST-STATUS. Names are the server's bytes, whatever
  // they are; doubles are removed.
  virtual std::vector<ListEntry> list(const std::vector<Namespace>& namespaces) = 0;

  // The mailbox and what is below it, subscribed or not; nothing if it isn't there. No status.
  virtual std::vector<ListEntry> listBelow(std::string_view wire, char delimiter) = 0;

  // STATUS. Throws Error(refused or not_found, mailbox).
  virtual MailboxStatus status(std::string_view wire) = 0;

  // EXAMINE: selects for reading, so that \Recent stays for other clients. With `known` and
  // QRESYNC the answer holds what changed. Asks the server also if `wire` is selected already.
  // Throws Error(refused or not_found, mailbox), and Error(limit, mailbox) if more has changed than
  // is held at once (24 MiB): then ask without `known` and list in steps.
  virtual Selected examine(std::string_view wire, const std::optional<Known>& known = {},
                           const Next& next = {}) = 0;

  // SELECT (RFC 9051 section 6.3.2): for reading and changing; takes \Recent away from other
  // clients. Errors as of examine(). Selected::read_only says that the server allows only reading.
  virtual Selected select(std::string_view wire) = 0;

  // Leaves the mailbox without expunging anything: UNSELECT (RFC 3691), or CLOSE once the server
  // has confirmed that it is open for reading only.
  virtual void unselect() = 0;

  // The name of the selected mailbox, empty if none, and its UIDVALIDITY.
  virtual const std::string& selected() const = 0;
  virtual UidValidity selectedValidity() const = 0;
  // By select(), and the server allows changes. Everything that reads works as well then.
  virtual bool selectedForWriting() const = 0;

  // Metadata of first:last in the selected mailbox, in any order, from `each`. Throws
  // Error(protocol, mailbox) if an answer could not be read: then not all were given. `then`: what
  // will be asked next, as with Next; some of it may be given already, and is then not given again.
  virtual void fetchMetadata(Uid first, Uid last, const std::function<void(MessageMeta&&)>& each,
                             std::optional<UidRange> then = {}) = 0;

  // Flags of first:last; with `since` only what changed after it (CHANGEDSINCE, RFC 7162).
  virtual void fetchFlags(Uid first, Uid last, ModSeq since,
                          const std::function<void(FlagChange&&)>& each) = 0;

  // UIDs that exist in first:last, by SEARCH (RETURN (ALL) with ESEARCH).
  virtual UidSet searchUids(Uid first, Uid last) = 0;

  // BODY.PEEK[]<offset.count> of a message of the selected mailbox. Gives less than `count` bytes
  // only at the end of the message. A server that sends the whole message instead is understood.
  // No data: Error(stale, message). At most 16 MiB a call.
  virtual BodyPiece fetchBody(Uid uid, uint64_t offset, uint32_t count) = 0;

  // Whole bodies, in any order, from `each` as they come, with the place of their mailbox in
  // `wanted`: all of it in one round trip, which leaves one of the mailboxes selected. What is
  // longer than `most` bytes (at most 16 MiB), gone, or not given whole is left out, and so is what
  // is in a mailbox that the server doesn't open.
  virtual void fetchBodies(const std::vector<WantedBodies>& wanted, uint64_t most,
                           const std::function<void(size_t mailbox, Uid, std::string&&)>& each) = 0;

  virtual void noop() = 0;

  // What follows changes messages of the selected mailbox; all but copy() need it selected for
  // writing, else Error(denied, mailbox) if the server opened it for reading only, and
  // Error(invalid, mailbox) if select() was not called. A UID that no message has is no error.
  //
  // Long sets are sent in several commands: 1,000 messages and 8,000 octets at most each. If one
  // fails, those before it have been done: only asking tells how far it came.
  //
  // What the server refuses is an Error with its words and, by its response code (RFC 5530), the
  // Code: quota (OVERQUOTA), denied (NOPERM, READ-ONLY), not_found (TRYCREATE, NONEXISTENT), exists
  // (ALREADYEXISTS), limit (LIMIT, TOOBIG), stale (EXPUNGEISSUED), invalid
  // (CANNOT: it will never work), busy (INUSE, UNAVAILABLE: it may work later), else refused; BAD
  // is protocol. All of scope mailbox, but a message that is too big.

  // UID MOVE (RFC 6851); without MOVE or IMAP4rev2: Error(invalid, mailbox). Gives what COPYUID
  // told; absent if the server told nothing, or nothing that makes sense.
  virtual std::optional<CopiedUids> move(const UidSet& uids, std::string_view to) = 0;
  // UID COPY (RFC 9051 section 6.4.7). The same.
  virtual std::optional<CopiedUids> copy(const UidSet& uids, std::string_view to) = 0;

  // UID STORE +FLAGS.SILENT or -FLAGS.SILENT (RFC 9051 section 6.4.6). Gives the flags that the
  // server told nevertheless: not of every message, and perhaps what other clients did. A flag that
  // IMAP can't say is Error(invalid, message), and nothing is sent.
  enum class Change { add, remove };
  virtual std::vector<FlagChange> store(const UidSet& uids, Change change, const Flags& flags) = 0;

  // UID EXPUNGE (RFC 4315): of these messages those with \Deleted are removed for good. Without
  // UIDPLUS or IMAP4rev2: Error(invalid, mailbox), since a bare EXPUNGE takes other clients'
  // deletions too, and is never sent.
  virtual void expunge(const UidSet& uids) = 0;

  // APPEND (RFC 9051 section 6.3.12) of one message; of several in one command, which does all or
  // nothing, with MULTIAPPEND (RFC 3502), else Error(invalid, mailbox). Bytes below 100 kB go
  // without waiting for the server where it has LITERAL+ or LITERAL- (RFC 7888); others not before
  // it has asked for them. Gives what APPENDUID told, absent if it told nothing. Errors as above,
  // and, before a byte is sent: Error(limit, message) beyond Capabilities::appendLimit(),
  // Error(invalid, message) for an empty message or flags that IMAP can't say. If `read` fails the
  // command can't be finished: nothing is appended, and its Error is thrown on with scope
  // connection. After a network error, a timeout or an interruption only asking tells.
  virtual std::optional<AppendedUids> append(std::string_view to,
                                             const std::vector<NewMessage>& messages) = 0;

  // CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE (RFC 9051 section 6.3.4 to 6.3.8). Errors as
  // above; also where the server gives no code, create() throws `exists` if the mailbox is listed
  // and the others not_found if it isn't. remove() takes the messages along; it and rename() refuse
  // INBOX with Error(invalid, mailbox), and leave the mailbox first if it is selected. Courier says
  // OK to the rename of a mailbox that isn't there.
  virtual void create(std::string_view wire) = 0;
  virtual void remove(std::string_view wire) = 0;
  virtual void rename(std::string_view from, std::string_view to) = 0;
  virtual void subscribe(std::string_view wire) = 0;
  virtual void unsubscribe(std::string_view wire) = 0;

  // MYRIGHTS (RFC 4314): a letter for each right, such as "lrswipkxtea"; an older server's c and d
  // (RFC 2086) come with kx and te. Absent without ACL. Dovecot also tells rights on what isn't.
  virtual std::optional<std::string> myRights(std::string_view wire) = 0;

  // GETQUOTAROOT (RFC 9208, RFC 2087). Absent without QUOTA.
  virtual std::optional<Quota> quota(std::string_view wire) = 0;

  // NOTIFY (RFC 5465) for the personal namespaces; leaves no mailbox selected. Gives the status of
  // every mailbox: what happens after that is heard by listen(). Once a session: some servers stop
  // telling after the second time, so that is Error(stale, connection). Throws an Error of scope
  // mailbox if the server won't.
  virtual Push notify() = 0;

  // Waits until the server says something, or for `limit`. With a mailbox selected by IDLE (RFC
  // 2177), which ends with a round trip, so that a server that has vanished is Error(timeout); the
  // limit has to be below 29 minutes. Else, or without IDLE, by reading what comes unasked, as with
  // NOTIFY; at the limit, with `ask` and no mailbox selected, there is a round trip (NOOP) too.
  virtual Push listen(Milliseconds limit, bool ask) = 0;
  // Ends listen(), also one that has not begun. Thread-safe.
  virtual void wake() noexcept = 0;

  // Ends a wait of the owning thread with Error(cancelled, connection). Thread-safe.
  virtual void interrupt() noexcept = 0;
};

}  // namespace emlfs::imap
