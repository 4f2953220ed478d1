// Reads bodies: from the store, or else from the server, once for all who ask at the same time.
// Thread-safe. Callbacks run with no lock held, on the caller's thread or on a connection's.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "account/body_writer.h"
#include "account/counters.h"
#include "account/walks.h"
#include "emlfs/account/account.h"
#include "emlfs/base/clock.h"
#include "emlfs/base/mutex.h"

namespace emlfs {

class BodyReader {
 public:
  struct Hooks {
    // The size of a message turned out to be another one than announced.
    std::function<void(const store::MessageRecord&)> size_changed;
    // What the server says doesn't fit what the store holds of this mailbox.
    std::function<void(MailboxId)> doubt;
    // Bodies were put into the store, or could not be.
    std::function<void(const std::optional<Error>&)> stored;
    // Bytes of a message that the server doesn't have yet; absent for all others. Asked first. May
    // be empty.
    std::function<std::optional<std::string>(MessageId, uint64_t offset, uint32_t size)> spooled =
        {};
    // It is being moved by a change of ours, and the outcome is not known: the server may have it
    // in its new place already. Once it isn't, the store says where it is.
    std::function<bool(MessageId)> leaving = [](MessageId) { return false; };
    WalkListener walk = [](const WalkNews&) {};
  };
  // A message larger than `largest` is not cached: it would drive out all others.
  BodyReader(imap::Pool& pool, store::Cache& cache, uint64_t largest, Counters& counters,
             Hooks hooks);

  void read(WaitId wait, MessageId id, uint64_t offset, uint32_t size, ReadDone done);
  // Names a read that is about to begin. Never one of Listings::newWait().
  WaitId newRead();
  // Its callback gets Error(cancelled), on this thread, if it has not run. False if `wait` names no
  // read.
  bool cancel(WaitId wait);
  void sizeTold(MessageId id, uint64_t size);
  // As Account::settledBody(), of a message that never becomes a draft.
  std::optional<std::string> settled(MessageId id);
  // The message is another one from `commit` on, which puts that into the store: what was fetched,
  // or is being fetched, is of no use. For one at a time.
  void renew(MessageId id, const std::function<void()>& commit);
  // Messages that were being moved may have arrived: who reads them asks again.
  void resume();
  void stop();  // the pool has been stopped

 private:
  static constexpr WaitId kReadBit = WaitId{1} << 48;
  static constexpr uint32_t kWindowMax = 8;  // chunks, 1 MiB: as many as are fetched at once
  // What is fetched in one command: large enough that the next round trip is little beside it, and
  // small enough that two connections share what is fetched at once.
  static constexpr uint64_t kBatchMost = 2 << 20;
  using Key = std::pair<MessageId, uint32_t>;  // a chunk
  using Chunk = std::shared_ptr<const std::string>;
  struct Request {
    MessageId id;
    uint64_t offset = 0;
    uint32_t size = 0;
    ReadDone done;
    WaitId wait = 0;
    std::optional<Clock::time_point> held = {};  // since when it waits for the end of a move
  };
  // Where the server has a message.
  struct Place {
    store::MessageRecord message;
    store::MailboxRecord mailbox;
  };
  struct Batch;
  struct Fetch {
    MessageId id;
    unsigned version = 0;  // of the message
    std::string wire;
    uint32_t first = 0;
    uint32_t count = 0;
    bool to_be_cached = true;
    bool leaving = false;  // when it was not found
    bool ahead = false;    // begun for nobody in particular
    bool ended = false;    // guarded by mutex_
    std::vector<Request> waiting;
    std::weak_ptr<Batch> batch;  // of what is read ahead
  };
  using FetchPtr = std::shared_ptr<Fetch>;
  // What is read ahead by one job, and how far that is: guarded by mutex_.
  struct Batch {
    std::vector<FetchPtr> fetches;
    bool whole = true;     // messages; else one, of which it is a part
    bool begun = false;    // the job runs, or has run
    bool hurried = false;  // somebody waits for it: another job does it, before all others
  };
  using BatchPtr = std::shared_ptr<Batch>;

  // Answers at once, and is true, or leaves the request with a fetch. `request` is used up.
  bool serve(Request& request);
  // Answers from the store and from what is on its way into it; false, and the first chunk that is
  // missing, if that is not enough.
  bool answer(const Request& request, uint32_t& missing);
  // What the one who asks this is expected to read next is fetched.
  void lookAhead(const Request& request);
  void followWalk(MessageId id);
  void followReader(const Request& request);
  // Of as many chunks from the first as are neither there nor on their way; null if none is.
  FetchPtr beginFetch(const store::Snapshot& snapshot, const store::MessageRecord& message,
                      const std::string& wire, uint32_t first, uint32_t count, bool ahead)
      REQUIRES(mutex_);
  FetchPtr beginAhead(const store::MessageRecord& message, const std::string& wire, uint32_t first,
                      uint32_t count);
  void submit(const FetchPtr& fetch, imap::Lane lane);
  void readAhead(std::vector<FetchPtr> fetches, bool whole);
  void submitBatch(const BatchPtr& batch, bool hurried);
  // False: another job does it.
  bool begin(Batch& batch, bool hurried);
  void runBatch(imap::Session& session, const std::vector<FetchPtr>& batch);
  // How long the bytes of a batch took shows how much may be asked for at once.
  void learn(uint64_t bytes, Clock::duration time);
  bool ended(const Fetch& fetch);
  static uint32_t chunksOf(uint64_t size) {
    return static_cast<uint32_t>((std::max<uint64_t>(size, 1) - 1) / store::kChunkBytes) + 1;
  }
  // Leaves the request with the fetch of that chunk; false if it has come meanwhile.
  bool await(Request& request, uint32_t missing);
  static Error vanished();
  // Throws Error(stale) or Error(busy) if there is none.
  static Place placeOf(const store::Snapshot& snapshot, MessageId id);
  unsigned versionOf(MessageId id) REQUIRES(mutex_);
  bool isCurrent(MessageId id, unsigned version);
  bool isBegun(MessageId id);  // something of it is in the store
  bool isAwaited(MessageId id) REQUIRES(mutex_);
  void requireNotCancelled(WaitId wait) REQUIRES(mutex_);
  void requireNotSilent(MessageId id) REQUIRES(mutex_);
  uint32_t window(const store::MessageRecord& message, const Request& request, uint32_t first)
      REQUIRES(mutex_);
  void run(imap::Session& session, const FetchPtr& fetch);
  // `next`: what is asked for then.
  void select(imap::Session& session, const store::MailboxRecord& mailbox, const imap::Next& next);
  static imap::Next::Piece firstPiece(const Fetch& fetch, const store::MessageRecord& message);
  void receive(imap::Session& session, const Fetch& fetch, const store::MessageRecord& message);
  // Where a message ends of which the chunk `beyond` is empty.
  static uint64_t findEnd(imap::Session& session, Uid uid, uint32_t beyond);
  void publish(const Fetch& fetch, std::string_view bytes, bool at_end);
  void serveAfter(const Fetch& fetch, Request& request);
  void finish(const FetchPtr& fetch, const std::optional<Error>& error);
  // Until resume(). False: it has waited for long enough.
  bool hold(Request& request);
  void written(const FetchedBody& body, const std::optional<Error>& error);
  void keepForAWhile(const FetchedBody& body) REQUIRES(mutex_);
  void correctSize(const Fetch& fetch, store::MessageRecord message, uint64_t real);

  imap::Pool& pool_;
  store::Cache& cache_;
  const uint64_t largest_;
  Counters& counters_;
  const Hooks hooks_;

  Mutex mutex_;
  std::map<Key, FetchPtr> active_ GUARDED_BY(mutex_);
  std::vector<Request> held_ GUARDED_BY(mutex_);
  std::unordered_map<MessageId, unsigned> versions_ GUARDED_BY(mutex_);  // 0 but for the renewed
  std::optional<MessageId> renewing_ GUARDED_BY(mutex_);
  // Reads that can be cancelled, and whether they were before they began to wait.
  std::unordered_map<WaitId, bool> reads_ GUARDED_BY(mutex_);
  WaitId last_read_ GUARDED_BY(mutex_) = kReadBit;
  // Fetched, and not yet to be read from the store.
  std::map<Key, Chunk> recent_ GUARDED_BY(mutex_);
  // Of them, those that the store could not or should not take, oldest first. They stay for a
  // while: who reads a message in order has asked for one of eight chunks when all come.
  std::deque<Key> unstored_ GUARDED_BY(mutex_);
  // Where the last fetch of a large message ended and how wide it was: a reader that goes on from
  // there gets more at once.
  struct Progress {
    uint32_t next = 0;
    uint32_t width = 0;
  };
  std::unordered_map<MessageId, Progress> progress_ GUARDED_BY(mutex_);
  // What has just timed out: the kernel asks a second time at once, page by page, and nobody should
  // wait twice.
  struct Silence {
    Clock::time_point until;
    std::string text;
  };
  std::unordered_map<MessageId, Silence> silent_ GUARDED_BY(mutex_);
  // Real sizes of messages that proved longer or shorter than announced, until the kernel has been
  // told.
  std::unordered_map<MessageId, uint64_t> resized_ GUARDED_BY(mutex_);

  Mutex walks_mutex_;
  Walks walks_ GUARDED_BY(walks_mutex_);
  std::optional<uint64_t> batch_bytes_ GUARDED_BY(walks_mutex_);  // once it is learnt

  BodyWriter writer_;  // last: its thread uses what stands above
};

}  // namespace emlfs
