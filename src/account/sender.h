// Sends what is pending, as soon as there is something, one replay at a time. Where the server
// can't be reached the pool keeps the job until it can. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "account/echo.h"
#include "emlfs/account/account.h"
#include "emlfs/base/clock.h"
#include "emlfs/base/mutex.h"
#include "emlfs/sync/replay.h"

namespace emlfs {

class Sender {
 public:
  struct Hooks {
    sync::OnChange on_change;
    // The server has changes of ours now: these mailboxes are to be synchronised. Of replays that
    // follow each other both are told once in a while, and at the end.
    std::function<void(const std::set<MailboxId>&)> sent;
    // A replay is over, well or not: nothing is on its way any more that was when it began.
    std::function<void()> ended;
    std::function<void(const Error&)> failed;
  };
  // `store.pending` must be set. A flush waits as long as `longest_wait` for what nobody can
  // hasten: other accounts, which may be away, and looks at mailboxes that show where a message is.
  Sender(imap::Pool& pool, sync::Store store, Hooks hooks,
         Milliseconds longest_wait = std::chrono::seconds(60));

  // Something was added.
  void poke();
  // A mailbox, or the list of them, was synchronised: changes may have waited for what that showed.
  void looked();
  // See Changes::flush().
  void flush(WaitId wait, std::optional<uint64_t> since, Done done);
  WaitId newWait();
  // False if it is no wait of this kind.
  bool cancel(WaitId wait);

 private:
  // Of waits of this kind.
  static constexpr WaitId kFlushBit = WaitId{1} << 49;
  struct Waiter {
    uint64_t last = 0;  // number of the last change it waits for
    uint64_t run = 0;   // the replay that begins after it came, at the latest
    WaitId wait = 0;
    std::optional<uint64_t> since = {};
    Done done;
    Clock::time_point began = Clock::now();
  };
  void submit(imap::Lane lane);
  void run(imap::Session& session, imap::Lane lane);
  void noteSent(const std::set<MailboxId>& mailboxes, bool any_sent) REQUIRES(mutex_);
  void finish(const std::optional<Error>& error);
  // Those whose changes are no longer on their way, and what to tell them.
  std::vector<std::pair<Done, std::optional<Error>>> settled(const std::optional<Error>& error)
      REQUIRES(mutex_);
  std::optional<Error> refusal(std::optional<uint64_t> since, uint64_t last) REQUIRES(mutex_);

  imap::Pool& pool_;
  const sync::Store store_;
  const Hooks hooks_;
  const Milliseconds longest_wait_;
  Mutex mutex_;
  bool queued_ GUARDED_BY(mutex_) = false;
  bool running_ GUARDED_BY(mutex_) = false;
  bool again_ GUARDED_BY(mutex_) = false;
  uint64_t runs_ GUARDED_BY(mutex_) = 0;         // that have begun
  std::set<MailboxId> sent_ GUARDED_BY(mutex_);  // to be told
  // When they were last to be told since something was sent.
  std::map<MailboxId, Clock::time_point> asked_ GUARDED_BY(mutex_);
  Clock::time_point reported_ GUARDED_BY(mutex_);
  Echo echo_ GUARDED_BY(mutex_);
  std::vector<Waiter> waiters_ GUARDED_BY(mutex_);
  WaitId last_wait_ GUARDED_BY(mutex_) = kFlushBit;
  std::map<WaitId, bool> waits_ GUARDED_BY(mutex_);  // that have no answer yet: cancelled?
  std::set<uint64_t> told_ GUARDED_BY(mutex_);       // refusals that a flush has reported
};

}  // namespace emlfs
