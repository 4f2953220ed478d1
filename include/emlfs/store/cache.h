// What the server said, on disk: mailboxes, messages, bodies. The store is the truth for the view;
// the server is the truth for the store. The cache can be deleted at any time.
//
// Thread-safe: any number of Snapshots, one Update at a time (begin() waits; it belongs to the
// thread that began it, to its end). Hold neither across a wait: no network, no kernel
// notification, no lock. Both end before their Cache. Every value carries a checksum over key and
// value; a mismatch throws Error(damaged). A damaged chunk may be put anew; after other damage
// the next open() begins empty.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "emlfs/base/clock.h"
#include "emlfs/mail/mailbox.h"
#include "emlfs/store/ids.h"

namespace emlfs::store {

// A directory of the tree: a mailbox, or a level of the hierarchy that is none.
struct MailboxRecord {
  MailboxId id;
  MailboxId parent;
  std::string name;  // its file name in the parent
  std::string wire;  // as the server writes it; empty for a level that LIST did not name
  bool selectable = false;
  std::string special_use;  // "\Sent", or empty
  bool inferiors = true;    // it can have mailboxes below it
  // Between a change of ours and the server's doing: made here, and not there yet; removed here,
  // and still there (then it is in no directory, whatever `parent` and `name` say). Also hidden is
  // what a person has chosen not to see (the option `mailboxes`).
  bool unborn = false;
  bool hidden = false;
  // Rights that this user doesn't have on it (letters of RFC 4314), as far as the server has said.
  std::string denied;
  bool rights_asked = false;
  uint64_t inode = 0;           // st_ino
  int64_t changed = 0;          // mtime, ctime: last change of entries, nanoseconds since 1970
  uint32_t subdirectories = 0;  // counted by the store, whatever was put
  SyncState state;
};

// Where the view has a message: changes that the server does not know yet set it apart from where
// the server has it.
enum class Shown : uint8_t {
  in_place,  // in the directory of its mailbox, in the order of the UIDs
  arrived,   // in `directory`, behind those, in the order of the ids; once there it stays there
  hidden,    // nowhere: it is deleted, or will be
};

struct MessageRecord {
  MessageId id;
  MailboxId mailbox;  // that has it on the server
  Uid uid = 0;        // 0: not known, or not there yet; then it is in no messages()
  Shown shown = Shown::in_place;
  MailboxId directory{};  // of the name, if `arrived`
  uint64_t inode = 0;     // st_ino
  std::string name;       // its file name
  Flags flags;
  InternalDate date;
  uint64_t size = 0;
  bool size_known = false;  // true: the real length; false: the server's hint
  ModSeq modseq = 0;
  std::string message_id;
};

// What a name in a directory stands for.
struct Dirent {
  uint64_t node = 0;  // MailboxId or MessageId, see isDirectory()
};

// Bodies are kept in chunks of this size, the last one shorter. With its checksum and LMDB's page
// header a chunk fills whole pages.
constexpr uint32_t kChunkBytes = 128 * 1024 - 16 - 8;

struct CacheSize {
  uint64_t bodies = 0;  // messages with at least one chunk
  uint64_t body_bytes = 0;
  uint64_t messages = 0;
  uint64_t mailboxes = 0;   // without levels of the hierarchy that are none
  uint64_t file_bytes = 0;  // what the data file takes on disk
  uint64_t free_bytes = 0;  // in the file: what comes next goes there before it grows
};

// The directory that shows it; absent if none does.
inline std::optional<MailboxId> shownIn(const MessageRecord& record) {
  if (record.shown == Shown::hidden) return std::nullopt;
  return record.shown == Shown::arrived ? record.directory : record.mailbox;
}

// A consistent view of the store. Cheap. Views into chunk() live as long as the Snapshot, those of
// an Update until its next change.
class Snapshot {
 public:
  virtual ~Snapshot() = default;
  virtual std::optional<std::string> setting(std::string_view key) const = 0;
  virtual std::optional<MailboxRecord> mailbox(MailboxId id) const = 0;
  virtual std::optional<MessageRecord> message(MessageId id) const = 0;
  virtual std::optional<Dirent> find(MailboxId directory, std::string_view name) const = 0;
  virtual std::optional<MessageId> byUid(MailboxId mailbox, Uid uid) const = 0;
  // Sub-directories with an id above `after`, in the order of their ids, until `each` returns
  // false.
  virtual void subdirectories(MailboxId directory, uint64_t after,
                              const std::function<bool(const MailboxRecord&)>& each) const = 0;
  // What the server has: messages with a UID above `after`, in the order of their UIDs, until
  // `each` returns false. Wherever they are shown.
  virtual void messages(MailboxId mailbox, Uid after,
                        const std::function<bool(const MessageRecord&)>& each) const = 0;
  // The same from the other end: UIDs below `before`, the highest first.
  virtual void messagesBefore(MailboxId mailbox, Uid before,
                              const std::function<bool(const MessageRecord&)>& each) const = 0;
  // Messages that the directory shows, behind the name `after`, in the order of their names' bytes,
  // until `each` returns false.
  virtual void byName(MailboxId directory, std::string_view after,
                      const std::function<bool(const MessageRecord&)>& each) const = 0;
  // Messages that have arrived in the directory, with an id above `after`, in the order of their
  // ids, until `each` returns false.
  virtual void arrivals(MailboxId directory, MessageId after,
                        const std::function<bool(const MessageRecord&)>& each) const = 0;
  virtual std::vector<MailboxRecord> mailboxes() const = 0;
  // The chunk of a body, in the map: absent if it is not cached.
  virtual std::optional<std::string_view> chunk(MessageId id, uint32_t index) const = 0;
  // How many bytes of the body are cached. Touches none of them.
  virtual uint64_t cachedBytes(MessageId id) const = 0;
};

// A change of the store. Nothing is visible before commit(); destroyed without it, nothing
// happened. A call refused with Error(invalid) has changed nothing. File names have 1 to 255 bytes.
class Update : public Snapshot {
 public:
  virtual void putSetting(std::string_view key, std::string_view value) = 0;
  // Writes a mailbox whole; a new one gets its dirent, a changed name or parent moves it. The
  // parent must exist; kRoot does without a record, and may have one (it needs no name).
  virtual void putMailbox(const MailboxRecord& record) = 0;
  // With everything in it: sub-directories must be gone before, and messages that are shown in it
  // but belong to other mailboxes. Ignored if it is gone.
  virtual void removeMailbox(MailboxId id) = 0;
  // Writes a message whole; a changed name or place moves its dirent, which a hidden one has not. A
  // name or UID that another has, or a mailbox or directory that doesn't exist, is refused with
  // Error(invalid, message): look with find() first.
  virtual void putMessage(const MessageRecord& record) = 0;
  virtual void removeMessage(MessageId id) = 0;        // with its body; ignored if it is gone
  virtual void removeMessages(MailboxId mailbox) = 0;  // that belong to it, wherever shown
  // Ignored if the message is gone.
  virtual void putChunk(MessageId id, uint32_t index, std::string_view bytes) = 0;
  virtual void commit() = 0;
};

// When a committed Update is safe from a loss of power (a crash of the process never undoes it).
enum class Durability {
  synced,  // when commit() returns; only the last one or two may be undone
  soon,    // with the next sync(), or commit() of a synced one. Until then such a loss may damage
           // the cache, which the next open() finds. For what the journal knows better.
};

class Cache {
 public:
  // Opens or creates the cache in `directory` (made with mode 0700), which the caller has locked. A
  // cache that an earlier emlfs has written is emptied; a damaged one is put aside
  // (cache.mdb.damaged, one is kept) and made anew. A use is noted if the one before is `use_grain`
  // ago. Throws Error(system), or Error(invalid, account) for a cache that a later emlfs has
  // written, which stays as it is.
  //
  // A child process reads the file first, all but the bytes of bodies: 0.16 s for 100,000 messages
  // with bodies. REQUIRES: no other thread yet, or none that holds a lock of malloc's or LMDB's
  // (the child calls nothing else); and no other child of the process that is waited for by
  // waitpid(-1).
  static std::unique_ptr<Cache> open(const std::string& directory,
                                     Milliseconds use_grain = std::chrono::hours(1));
  virtual ~Cache() = default;

  // A line for a person if open() put a damaged cache aside, which it has logged; else empty.
  virtual std::string notice() const { return {}; }
  virtual std::unique_ptr<Snapshot> snapshot() const = 0;
  virtual std::unique_ptr<Update> begin(Durability durability = Durability::synced) = 0;
  virtual void sync() = 0;  // does nothing if all is on the disk; throws Error(system)
  virtual CacheSize size() const = 0;
  // The body was read: what was used last is evicted last. Cheap; nothing is written before the
  // next evict(), or noteUses().
  virtual void used(MessageId id) = 0;
  virtual void noteUses() = 0;
  // Removes bodies, those first that were used least recently, until all together take at most
  // `bytes`; of the last one only as many chunks as are needed, from its end; metadata stays. In
  // short transactions, so that others get their turn; ends early once `go_on` is false. Returns
  // how many bytes went. Throws Error(system).
  virtual uint64_t evict(uint64_t bytes, const std::function<bool()>& go_on) = 0;
  virtual uint64_t highestId() const = 0;  // ever put, without kDirectoryBit
};

}  // namespace emlfs::store
