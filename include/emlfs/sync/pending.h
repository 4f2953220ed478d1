// The changes that the server does not have yet, as the view and the synchronisation need them: the
// journal's, mirrored in memory. Says where a message is to be seen whatever the server says
// meanwhile, and which of several changes is to be sent next.
//
// Thread-safe. What changes something returns when it is on the disk; hold no lock and no
// transaction meanwhile. Throws what Journal::commit() throws.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "emlfs/base/clock.h"
#include "emlfs/base/mutex.h"
#include "emlfs/mail/mailbox.h"
#include "emlfs/mail/uid_set.h"
#include "emlfs/store/journal.h"

namespace emlfs::sync {

// What the changes of one message come to.
struct Outlook {
  bool deleted = false;
  bool expunged = false;                 // for good
  std::optional<std::string> directory;  // wire name of the mailbox to show it in, if not its own
  Flags add;
  Flags remove;
  // It has been sent away, and the answer is not known: that its UID is gone is no other's doing.
  bool leaving = false;
};

// An append of size 0: the message is being written again, and its place is kept.
inline bool unfinished(const store::Change& change) {
  return change.kind == store::Change::Kind::append && change.size == 0;
}

// Changes that one command can send, all of one kind, of one mailbox, to one mailbox.
using Run = std::vector<store::Change>;

// How the server knows a message from now on.
struct Bound {
  uint64_t number = 0;      // of the change that is done
  store::MessageRef place;  // uid 0: it is there, and its UID is not known yet
};

// The messages of a mailbox that has got another UIDVALIDITY, though they are the same.
struct Revalued {
  UidValidity before = 0;
  UidValidity now = 0;
  std::map<Uid, Uid> uids;  // those that were found again
};

// A mailbox that is called otherwise from now on, and all below it.
struct Renamed {
  std::string from;  // empty: nothing got another name
  std::string to;
  char delimiter = 0;
  std::map<std::string, Revalued> revalued;  // by the new name
};

// The server has done it; what is missing is the UID that it gave the message. The next look at the
// mailbox tells it.
bool lacksUid(const store::Change& change);

// By an append it gets a successor, and is not to go before that has arrived.
bool isReplaced(const store::Change& change);
// It removes messages or mailboxes, or takes messages to \Trash for that, and so waits for earlier
// appends.
bool isDeletion(const store::Change& change);
// How many of these, in the order of their numbers, wait for an earlier append.
uint64_t heldDeletions(const std::vector<store::Change>& changes);

class Pending {
 public:
  explicit Pending(store::Journal& journal);

  uint64_t size() const;     // all, those that were refused among them
  uint64_t parked() const;   // refused
  uint64_t version() const;  // grows with all that becomes of them
  uint64_t latest() const;   // the highest of their numbers; what is added gets a higher one

  // In the order of their numbers: of those above `after` the first `most`.
  std::vector<store::Change> changes(uint64_t after = 0, size_t most = SIZE_MAX) const;
  std::vector<MessageId> messages() const;  // that have changes
  std::optional<Outlook> outlook(MessageId id) const;
  // The id by which changes speak of this message; it must be given to it when it is seen again.
  std::optional<MessageId> idOf(const std::string& mailbox, UidValidity validity, Uid uid) const;
  // A message that has arrived in `mailbox` without the server having told its UID: the one that
  // this can be. Absent if none can, or several could.
  std::optional<MessageId> claimant(const std::string& mailbox, const MessageMeta& meta) const;
  // The name that a person gave it.
  std::optional<std::string> nameOf(const store::NameKey& key) const;
  // Until `each` returns false, which must not call this.
  void eachName(const std::function<bool(const store::GivenName&)>& each) const {
    journal_.eachName(each);
  }
  void forgetNames(const std::vector<store::NameKey>& keys);
  // Messages that are in `mailbox` and whose UIDs are not known.
  std::set<MessageId> expected(const std::string& mailbox) const;
  // Messages are being sent into it, or were and nobody knows whether they arrived: UIDs that
  // nobody knows yet may be theirs, and are not to be shown.
  bool receives(const std::string& mailbox) const;

  // UIDs from which messages have gone by our doing: a synchronisation that began before may still
  // be told of them. To be noted before the store has it, forgotten when a later one has ended.
  void left(const Run& run);
  UidSet leftFrom(const std::string& mailbox, UidValidity validity) const;
  void forgetLeft(const std::string& mailbox, UidValidity validity, const UidSet& uids);

  // The append that brings this message to the server; absent if there is none, or it was refused.
  std::optional<store::Change> appendOf(MessageId id) const;
  // What is to happen to its message afterwards.
  Run followers(const store::Change& append) const;
  // The deletions of the messages that this append replaces.
  Run replacedBy(const store::Change& append) const;
  // Commits what `becomes` makes of it, as it is now: nobody else changes it meanwhile, nor may
  // `becomes`. With an epoch as of add(). False, and nothing has happened, if there is none that
  // waits, or it is being sent.
  using Becomes = std::function<store::Batch(const store::Change& append)>;
  // Nor is there if one of `moving` was done meanwhile, as of add().
  bool amend(MessageId id, const Becomes& becomes, std::optional<uint64_t> epoch = {},
             const std::set<MessageId>& moving = {});
  // Of these messages, those whose next changes are about a place that they have not reached: to be
  // asked before their records are read.
  std::set<MessageId> onTheirWay(const std::vector<MessageId>& ids) const;
  // Nobody amends these until they are released. False, and none is, if one is being amended or is
  // no longer as it was seen.
  bool claim(const Run& run);
  void release(const Run& run);

  // Deletions wait for new messages, also for those that are not in this journal: drafts that are
  // not finished, and those of this user's other accounts. `oldest` says when the oldest of them
  // was last written (seconds since 1970): what was acknowledged then or later waits. It is called
  // with no lock held, whenever a deletion could be sent. To be set before there is a thread that
  // sends. What then waits becomes sendable without anything having changed here: see held().
  using Oldest = std::function<std::optional<int64_t>()>;
  void holdDeletions(Oldest oldest);
  // Appends that are unfinished and may stay so hold nobody back: empty files, and those that got a
  // temporary's name. Called and set as `oldest`.
  void holdNoDeletions(std::function<bool(MessageId)> idle);
  // The last next() held back a deletion for that reason: it is to be asked again in a while.
  bool held() const;
  // The last next() passed over an append that is claimed: it will be sendable, or unfinished.
  bool amending() const;

  // Acknowledges new changes and names; `batch` updates and removes no change. A source may have
  // the UID 0, and a name the key of a local id: that is where an earlier change of the message
  // takes it that is not done yet. Of `moving` there has to be one: where it was done meanwhile
  // nothing happens, and the answer is false: look again. With the epoch() from before the
  // mailboxes' names were looked up those that are called otherwise meanwhile are found all the
  // same.
  bool add(store::Batch batch, const std::set<MessageId>& moving = {},
           std::optional<uint64_t> epoch = {});

  // What separates the levels of mailboxes' names. Until that is known any punctuation may, and
  // changes wait for more than they have to.
  void separatedBy(char delimiter);
  // Changes of mailboxes that are neither done nor refused, in their order.
  std::vector<store::Change> mailboxChanges() const;
  // It may just have got this name by our doing, or be about to lose it.
  bool renames(const std::string& mailbox) const;
  // A change of mailboxes behind the one of this number, which has not been done, decides what is
  // called so.
  bool reshapes(const std::string& mailbox, uint64_t number) const;
  // Grows whenever a change of a mailbox is about to be done in the store, and when it is.
  uint64_t epoch() const;
  // What is in the store about names is about to follow a change of ours.
  void renaming();
  // This has happened, and with it the change is done. `number` 0: no change is.
  void renamed(uint64_t number, const Renamed& renamed);
  // How far one change of a mailbox has come.
  void step(const store::Change& change);
  // Changes that are not refused and speak of this mailbox or what is below it.
  Run touching(const std::string& mailbox, char delimiter) const;

  // What to send next: nothing that waits for an earlier change of the same message or mailbox, no
  // deletion before an earlier append has settled. Empty: there is nothing to send.
  Run next() const;
  // It is about to be sent. `destinations`: what is known of run[i].mailbox.
  void begin(const Run& run, const store::Change::Destination& destination);
  void end(const std::string& mailbox);  // the opposite, for receives(): known or not
  void copied(const Run& run);           // with their Destination::uid
  // The connection broke when the server had had all of it for so long and had not answered: it may
  // still be at it.
  void unanswered(const Run& run, Clock::duration since);
  // The longest of them. Of what an earlier process has sent, since when, if not long ago.
  Clock::duration unanswered(const Run& run) const;
  // `dropped` have become needless by it, at the same moment.
  void done(std::span<const Bound> bound, const Run& dropped = {});
  // They are to be looked for, as what was refused after it was sent; without what was known of a
  // copy.
  void doubt(const Run& run);
  // Nothing of it has happened: it is to be sent anew, without looking for it.
  void reset(const Run& run);
  // As the journal has them now; those that are gone from it are passed over. With an append goes
  // what was to happen to its message afterwards, and the deletion of the one that it replaces.
  // Returns all that is parked by it. Appends have to be claimed.
  Run park(const Run& run, const Error& error);
  void drop(const Run& run);  // nothing is left to be done
  // Of what was refused, the changes with these numbers and those that were parked by them: with an
  // append goes all that was to happen to its message, and to the one that it replaces. Throws
  // Error(not_found, message) if there is no such change, Error(busy, message) if it isn't parked.
  Run parkedWith(const std::vector<uint64_t>& numbers) const;
  // These, as they are given, are to be sent after all.
  void retry(const Run& run);
  // As drop(); names that only these changes speak of go, too, or are those of the UIDs by which
  // the server has these messages.
  void forgetParked(const Run& run);
  // The message is gone from the server, and no change of ours sent it away.
  void vanished(MessageId id);
  // The messages of `wire` are others to the server now (another UIDVALIDITY, RFC 9051 section
  // 2.3.1.1): what was to be done to these counts as refused. Gives what does.
  Run replaced(const std::vector<MessageId>& ids, const std::string& wire);
  // Messages with a change that waits for an earlier one of theirs, and there is none any more:
  // that was done while it was being acknowledged; or whose UID the journal still has to be told.
  // And where such a message is.
  std::set<MessageId> orphans() const;
  void adopt(MessageId id, const store::MessageRef& place);
  // Nobody can tell any more where it is: what waits for that is void. Returns what was; nothing if
  // it is no such orphan, or if the next look at a mailbox tells.
  Run forgetOrphan(MessageId id);
  // claimant() was right.
  void found(MessageId id, const store::MessageRef& place);

 private:
  using RefKey = std::tuple<std::string, UidValidity, Uid>;
  // What shows which message one is: its mailbox, size and Message-ID.
  using Features = std::tuple<std::string, uint64_t, std::string>;
  // What all that is acknowledged, sent and done comes down to.
  void commit(store::Batch batch) EXCLUDES(mutex_);
  // What was made with the names of `epoch`, which becomes that of now.
  void bringUp(store::Batch& batch, uint64_t& epoch) const REQUIRES(mutex_);
  bool unchanged(const store::Change& seen) const REQUIRES(mutex_);
  // What the journal says of a message is read, and then changed: by one at a time.
  class Turn;
  void takeTurn(const std::set<MessageId>& ids) EXCLUDES(mutex_);
  void endTurn(const std::set<MessageId>& ids) EXCLUDES(mutex_);
  void load(const store::Change& change) REQUIRES(mutex_);
  void forget(uint64_t number) REQUIRES(mutex_);
  bool moves(MessageId id, uint64_t but = 0) const REQUIRES(mutex_);
  std::vector<store::Change> later(MessageId id, uint64_t number) const REQUIRES(mutex_);

  store::Journal& journal_;
  mutable Mutex mutex_;
  Condition turn_ended_;
  std::set<MessageId> in_turn_ GUARDED_BY(mutex_);
  std::map<uint64_t, store::Change> changes_ GUARDED_BY(mutex_);
  uint64_t version_ GUARDED_BY(mutex_) = 0;
  std::unordered_map<MessageId, std::set<uint64_t>> of_ GUARDED_BY(mutex_);
  std::map<RefKey, MessageId> ids_ GUARDED_BY(mutex_);
  std::map<std::string, unsigned> receiving_ GUARDED_BY(mutex_);
  std::set<RefKey> left_ GUARDED_BY(mutex_);
  std::vector<Renamed> epochs_ GUARDED_BY(mutex_);
  std::map<Features, std::set<uint64_t>> unseen_ GUARDED_BY(mutex_);  // that lack UIDs
  std::set<uint64_t> replaced_ GUARDED_BY(mutex_);                    // see isReplaced()
  std::set<uint64_t> mailboxes_ GUARDED_BY(mutex_);                   // changes of those
  char delimiter_ GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, Clock::duration> unanswered_ GUARDED_BY(mutex_);
  std::set<uint64_t> claimed_ GUARDED_BY(mutex_);  // appends: amended or sent just now
  Oldest oldest_;
  std::function<bool(MessageId)> idle_;
  mutable bool held_ GUARDED_BY(mutex_) = false;
  mutable bool amending_ GUARDED_BY(mutex_) = false;
};

}  // namespace emlfs::sync
