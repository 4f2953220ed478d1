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
};

// Capabilities in upper case, as CAPABILITY gives them ("IMAP4REV1", "AUTH=PLAIN").
class Capabilities {
 public:
  Capabilities() = default;
  explicit Capabilities(std::set<std::string> names) : names_(std::move(names)) {}
  bool has(std::string_view name) const { return names_.count(std::string(name)) != 0; }
  const std::set<std::string>& names() const { return names_; }

 private:
  std::set<std::string> names_;
};

struct SessionOptions {
  Endpoint endpoint;
  PasswordSource password;
  // Capabilities to act as if the server had not offered ("QRESYNC"): for servers that get one
  // wrong, and for the tests.
  std::set<std::string> without;
  Traffic* traffic = nullptr;  // not owned, outlives the session
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

  // NAMESPACE; where the server doesn't know it: one personal one with the prefix "".
  virtual std::vector<Namespace> namespaces() = 0;

  // Every mailbox of every namespace, with special use and status in one round trip where the
  // server has LIST-EXTENDED, SPECIAL-USE, LIST-STATUS. Names are the server's bytes, whatever
  // they are; doubles are removed.
  virtual std::vector<ListEntry> list(const std::vector<Namespace>& namespaces) = 0;

  // STATUS. Throws Error(refused, mailbox).
  virtual MailboxStatus status(std::string_view wire) = 0;

  // EXAMINE: selects for reading, so that \Recent stays for other clients. With `known` and
  // QRESYNC the answer holds what changed. Asks the server also if `wire` is selected already.
  // Throws Error(refused or not_found, mailbox), and Error(limit, mailbox) if more has changed than
  // is held at once (24 MiB): then ask without `known` and list in steps.
  virtual Selected examine(std::string_view wire, const std::optional<Known>& known = {}) = 0;

  // The name of the selected mailbox, empty if none, and its UIDVALIDITY.
  virtual const std::string& selected() const = 0;
  virtual UidValidity selectedValidity() const = 0;

  // Metadata of first:last in the selected mailbox, in any order, from `each`. Throws
  // Error(protocol, mailbox) if an answer could not be read: then not all were given.
  virtual void fetchMetadata(Uid first, Uid last,
                             const std::function<void(MessageMeta&&)>& each) = 0;

  // Flags of first:last; with `since` only what changed after it (CHANGEDSINCE, RFC 7162).
  virtual void fetchFlags(Uid first, Uid last, ModSeq since,
                          const std::function<void(FlagChange&&)>& each) = 0;

  // UIDs that exist in first:last, by SEARCH (RETURN (ALL) with ESEARCH).
  virtual UidSet searchUids(Uid first, Uid last) = 0;

  // BODY.PEEK[]<offset.count> of a message of the selected mailbox. Gives less than `count` bytes
  // only at the end of the message. A server that sends the whole message instead is understood.
  // No data: Error(stale, message). At most 16 MiB a call.
  virtual BodyPiece fetchBody(Uid uid, uint64_t offset, uint32_t count) = 0;

  virtual void noop() = 0;

  // NOTIFY (RFC 5465) for the personal namespaces; leaves no mailbox selected. Gives the status of
  // every mailbox: what happens after that is heard by listen(). Once a session: some servers stop
  // telling after the second time, so that is Error(stale, connection). Throws Error(refused or
  // protocol, mailbox) if the server won't.
  virtual Push notify() = 0;

  // Waits until the server says something, or for `limit`. With a mailbox selected by IDLE (RFC
  // 2177), which ends with a round trip, so that a server that has vanished is Error(timeout); the
  // limit has to be below 29 minutes. Else by reading what NOTIFY brings; at the limit, with `ask`,
  // there is a round trip (NOOP) too.
  virtual Push listen(Milliseconds limit, bool ask) = 0;
  // Ends listen(), also one that has not begun. Thread-safe.
  virtual void wake() noexcept = 0;

  // Ends a wait of the owning thread with Error(cancelled, connection). Thread-safe.
  virtual void interrupt() noexcept = 0;
};

}  // namespace emlfs::imap
