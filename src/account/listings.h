// Who waits for which mailbox, and the jobs that bring mailboxes up to date: at most one a mailbox.
// Thread-safe. Callbacks run with no lock held.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "account/echo.h"
#include "emlfs/account/account.h"
#include "emlfs/base/clock.h"
#include "emlfs/base/mutex.h"
#include "emlfs/sync/sync.h"

namespace emlfs {

class Listings {
 public:
  // `on_end` hears of each mailbox that was brought up to date, or why it could not be.
  Listings(imap::Pool& pool, sync::Store store, sync::OnChange on_change,
           std::function<void(const std::optional<Error>&)> on_end)
      : pool_(pool), store_(store), on_change_(std::move(on_change)), on_end_(std::move(on_end)) {}

  WaitId newWait();
  void whenListed(WaitId wait, MailboxId mailbox, Uid beyond, Done done);
  void cancel(WaitId wait);
  // Something has changed: has the mailbox brought up to date in the background, and once more if
  // that is being done already.
  void refresh(MailboxId mailbox);
  // Nothing of ours is on its way any more: the mailboxes that had to wait for that are brought up
  // to date now.
  void resume();
  // When it was last brought up to date, since the account was opened.
  std::optional<Clock::time_point> lastSync(MailboxId mailbox) const;

 private:
  struct Wait {
    MailboxId mailbox;
    Uid beyond = 0;
    Done done;  // empty until whenListed
    bool cancelled = false;
  };
  struct Work {
    bool running = false;
    bool again = false;           // something has changed since it began
    bool owed = false;            // one in the background has left its work to this one
    std::set<imap::Lane> queued;  // of the jobs that have not begun, at most one of each lane
  };

  void submit(MailboxId mailbox, imap::Lane lane);
  void run(imap::Session& session, MailboxId mailbox, imap::Lane lane);
  // The pool may repeat the job on a fresh connection. `doubtful`: what it is told then is so.
  void broke(MailboxId mailbox, imap::Lane lane, bool doubtful);
  // Of a job whose place another has taken it is nobody's failure.
  void failed(MailboxId mailbox, imap::Lane lane, const Error& error);
  void postpone(MailboxId mailbox);
  bool receives(MailboxId mailbox) const;
  void settle(MailboxId mailbox, const std::optional<Error>& error);
  // Calls back whoever waits for no more than what is listed now.
  void announce(MailboxId mailbox);
  bool reached(MailboxId mailbox, Uid beyond) const;
  std::optional<Error> echo(MailboxId mailbox) const;
  void giveUp(WaitId wait, const Error& error);

  imap::Pool& pool_;
  const sync::Store store_;
  const sync::OnChange on_change_;
  const std::function<void(const std::optional<Error>&)> on_end_;

  mutable Mutex mutex_;
  WaitId last_wait_ GUARDED_BY(mutex_) = 0;
  std::map<WaitId, Wait> waits_ GUARDED_BY(mutex_);
  std::unordered_map<MailboxId, Work> work_ GUARDED_BY(mutex_);
  std::unordered_map<MailboxId, Clock::time_point> synced_ GUARDED_BY(mutex_);
  std::unordered_map<MailboxId, Echo> echoes_ GUARDED_BY(mutex_);  // of those not listed yet
  std::set<MailboxId> postponed_ GUARDED_BY(mutex_);
  std::set<MailboxId> doubted_ GUARDED_BY(mutex_);
};

}  // namespace emlfs
