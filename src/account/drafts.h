// Files that are being written: drafts. The bytes are in the spool, the name is in the journal
// (GivenName of the local id), and the record in the store has no UID. A draft is finished once its
// last writer has closed it and a second has gone by, if its name is not a temporary's and it can
// be a message: then the journal has an append, and the sender does the rest.
//
// An append whose size is 0 says that its message is being written (again): it keeps its place in
// the journal, for the deletions that wait for it. What a draft replaces is removed by a change
// that names the draft's spool file.
//
// Deletions wait for drafts, also those of this user's other accounts (`mv` between two mounts is
// cp and rm). All spools lie side by side, and a file's mode tells whether it will be sent as it is
// now called (Spool::mark): Pending::holdDeletions() is given store::OtherSpools.
//
// Thread-safe; calls that name one directory must not run at the same time, as of Changes. Disk is
// written while the lock of one draft is held, never the network asked.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_set>
#include <vector>

#include "account/journal_text.h"
#include "emlfs/base/clock.h"
#include "emlfs/base/mutex.h"
#include "emlfs/sync/sync.h"

namespace emlfs {

class Drafts {
 public:
  struct Hooks {
    sync::OnChange on_change;     // what the kernel did not do itself
    std::function<void()> added;  // there is something to be sent
    // What removes a message by the delete policy: flags, a move to the trash, or an expunge.
    std::function<store::Change(const store::Snapshot&, const store::MessageRecord&)> deletion;
    // Commits an update of the store that makes a message of the server a draft again.
    std::function<void(MessageId, const std::function<void()>& commit)> renew =
        [](MessageId, const auto& commit) { commit(); };
  };
  // `store` has pending and spool.
  Drafts(sync::Store store, store::Journal& journal, Hooks hooks);
  ~Drafts();
  // Shows what an earlier mount has left behind. To be called before anything else.
  void recover();
  void start();  // finishing what is due
  void stop();   // idempotent; what is not finished stays a draft
  // The directories may have changed: shows what had none.
  void restore();
  // The server's list has been followed: what has lost its directory is refused, once it is closed
  // or was not written to for a while.
  void strandLost();
  // Appends that were refused are to be sent after all.
  void retried(const sync::Run& run);
  // A line for each spool file that nobody knows.
  std::vector<std::string> orphans() const { return orphans_; }

  // As of Changes. Those of messages that the server has are refused with Error(not_permitted), but
  // for messages that began in this mount: writing to one begins a new version. Error(busy): it is
  // being sent.
  store::MessageRecord create(MailboxId directory, const std::string& name);
  void write(MessageId id, uint64_t offset, std::string_view bytes);
  void truncate(MessageId id, uint64_t size, bool open_there);
  void setTime(MessageId id, int64_t seconds);
  void closed(MailboxId directory, std::string_view name);
  void sync(MessageId id);

  // False, and nothing has happened: it is no draft, or on its way to the server.
  bool rename(MessageId id, MailboxId directory, const std::string& name, bool replace);
  bool remove(MessageId id);
  // Of Changes: who has a draft open that was removed, or got another id, goes on reading and
  // writing it. Also of one that is just getting another id.
  std::optional<store::MessageRecord> unlinked(MessageId id) const;
  void forgotten(MessageId id);
  bool setFlags(MessageId id, const Flags& add, const Flags& remove);

  // Was a draft in this mount: only such a message can become one again once it has a UID.
  bool beganHere(MessageId id) const;

  // Nobody says when a file is closed (any more): drafts are finished 30 s after the last write.
  void deaf();
  // Nobody is writing it, and as it is, or is called, nobody will send it.
  bool isIdle(MessageId id) const;
  // Pending::next() has found deletions that wait for new messages elsewhere: nobody tells when
  // they have gone, so the sender is woken now and then.
  void deletionsWait();

  // Finishes all that are closed, at once. Gives the first reason why one could not be.
  std::optional<Error> sealAll();

  std::vector<UnsentDraft> unsent() const;

  // The record as it is now: size and time are written to the store only when it is finished.
  store::MessageRecord live(store::MessageRecord record) const;
  // Bytes of what is in the spool; absent if the message isn't.
  std::optional<std::string> read(MessageId id, uint64_t offset, uint32_t size) const;

 private:
  struct Draft {
    explicit Draft(std::string spool_name) : spool(std::move(spool_name)) {}
    const std::string spool;
    std::atomic<uint64_t> size{0};
    std::atomic<int64_t> time{0};  // seconds since 1970: as it was set, or of the last write
    std::atomic<bool> closed{false};
    std::atomic<bool> unheard{false};    // its closing may not be told
    std::atomic<bool> temporary{false};  // called so
    std::atomic<bool> known{true};       // to the kernel, which will say when it forgets it

    Mutex mutex;
    bool gone GUARDED_BY(mutex) = false;   // no longer a draft
    bool torn GUARDED_BY(mutex) = false;   // not all of it was written: nobody sends it unasked
    bool whole GUARDED_BY(mutex) = false;  // its file is marked so
    bool dirty GUARDED_BY(mutex) = true;   // not all of it is on the disk
    Fd fd GUARDED_BY(mutex);
    std::string why GUARDED_BY(mutex);      // it can't be sent
    bool judged GUARDED_BY(mutex) = false;  // by its bytes, which are as they were then
  };
  using DraftPtr = std::shared_ptr<Draft>;
  // It has no name, no record and no file any more but the open one.
  struct Unlinked {
    DraftPtr draft;
    std::optional<MessageId> now = {};  // what it was finished as, with other bytes
  };
  // What a draft replaces that the server doesn't have yet: a draft, too.
  struct Unsent {
    DraftPtr draft;
    store::MessageRecord record;
  };

  // Programs set times after closing, and scripts write in several goes.
  static constexpr Milliseconds kQuiet{1'000};
  static constexpr Milliseconds kDeafQuiet{30'000};  // where nobody tells of closing

  DraftPtr find(MessageId id) const;
  DraftPtr findUnlinked(MessageId id) const;
  void keep(MessageId id, const DraftPtr& draft);
  void forget(MessageId id);
  void unlink(MessageId id, Unlinked unlinked);
  // False: what is written to a draft without a name goes nowhere. Else it was finished, and is a
  // draft again, under its old id and with its old bytes.
  bool revive(MessageId id);
  // `on_its_way`: there are changes of it that have not been done.
  std::vector<sync::TreeChange> reviveAs(MessageId id, const store::MessageRecord& now,
                                         bool on_its_way, const DraftPtr& draft);
  std::optional<MessageId> finishedAs(MessageId id) const;
  // The draft of a message that may not be one yet, nor any more.
  DraftPtr open(MessageId id, bool keep_bytes);
  DraftPtr openUnlessSent(MessageId id);
  DraftPtr takeBack(const store::Change& append);
  // `change`: to be told when no lock is held. None: it was finished meanwhile, under another id.
  DraftPtr openAlone(MessageId id, bool keep_bytes, sync::TreeChange& change) REQUIRES(opening_);
  DraftPtr newVersion(const store::MessageRecord& message, bool keep_bytes,
                      sync::TreeChange& change);
  store::Change appendFor(const store::MessageRecord& message, const Draft& draft) const;
  void requireBeginning(Draft& draft, uint64_t offset, std::string_view bytes)
      REQUIRES(draft.mutex);
  // Half of what is written now is not to be taken for the whole.
  void unmarkWhole(Draft& draft) REQUIRES(draft.mutex);
  void written(MessageId id, Draft& draft) REQUIRES(draft.mutex);
  void close(MessageId id, Draft& draft) REQUIRES(draft.mutex);
  void closedSome(MailboxId directory);
  void finishSoon(MessageId id, Milliseconds quiet);

  sync::TreeChange renameTo(Draft& draft, store::MessageRecord record, MailboxId directory,
                            const std::string& name) REQUIRES(draft.mutex);
  // Absent if the server has it, or is being sent it.
  std::optional<Unsent> unsentAt(MailboxId directory, const std::string& name, MessageId but);
  bool commitRename(const store::MessageRecord& record, const Draft& draft, const Unsent* replaced,
                    store::Batch batch, const std::set<MessageId>& moving, uint64_t epoch);
  void putInstead(const store::MessageRecord& old, const store::MessageRecord& record,
                  sync::TreeChange& change);
  // What takes its place is to have: all but \Deleted.
  Flags flagsNow(const store::MessageRecord& message) const;
  // False: it is being sent.
  bool noteFlags(const store::MessageRecord& record, const Draft& draft);
  bool isSent(const store::MessageRecord& message) const;
  // True: the journal has more than before. What kept it from that is noted if it is the first.
  bool seal(MessageId id, std::optional<Error>& failed);
  // `refused`: what was to follow, if its mailbox is gone.
  bool sealOrStrand(MessageId id, std::optional<Error>& failed, sync::Run& refused);
  bool strand(MessageId id, const DraftPtr& draft, sync::Run& refused) REQUIRES(draft->mutex);
  bool isBeingRenamed(MessageId id) const;
  void loop();

  void removePhantoms();
  bool show(MessageId id);

  const sync::Store store_;
  store::Journal& journal_;
  const Hooks hooks_;
  std::vector<std::string> orphans_;
  std::atomic<bool> deaf_{false};

  Mutex opening_;  // one draft is opened at a time
  mutable Mutex mutex_;
  Condition changed_;
  std::map<MessageId, DraftPtr> drafts_ GUARDED_BY(mutex_);
  std::map<MessageId, Clock::time_point> due_ GUARDED_BY(mutex_);
  std::map<MessageId, Unlinked> unlinked_ GUARDED_BY(mutex_);  // until the kernel forgets them
  std::unordered_set<MessageId> made_ GUARDED_BY(mutex_);      // began in this mount
  std::set<MessageId> unshown_ GUARDED_BY(mutex_);             // their directories are not there
  std::optional<Clock::time_point> waking_ GUARDED_BY(mutex_);
  Milliseconds pause_ GUARDED_BY(mutex_){0};  // before the sender is woken
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace emlfs
