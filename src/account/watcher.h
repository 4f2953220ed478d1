// Listens for what changes on the server, so that nobody has to ask: with NOTIFY in every mailbox
// by one connection, else with IDLE in INBOX (if that is shown) and in the mailboxes used last, a
// connection each.
// Servers that have neither are only polled. Thread-safe.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "emlfs/base/clock.h"
#include "emlfs/base/mutex.h"
#include "emlfs/imap/pool.h"
#include "emlfs/store/cache.h"

namespace emlfs {

class Watcher {
 public:
  struct Hooks {
    // Brings the list of mailboxes up to date, and what it shows to be stale.
    std::function<void(imap::Session&)> refresh_all;
    // Mailboxes came, went or got another name.
    std::function<void()> mailboxes;
    // What the server says of mailboxes, by name.
    std::function<void(const std::map<std::string, MailboxStatus>&)> statuses;
    std::function<void(MailboxId)> changed;
    std::function<void(const Error&)> failed;
  };
  enum class Method { none, notify, idle };
  struct Status {
    Method method = Method::none;
    std::vector<std::string> mailboxes;  // wire names, with IDLE
  };

  // At most `connections` of the pool are used. `probe` is how long a connection may say nothing
  // before it is asked whether it is still there.
  Watcher(imap::Pool& pool, const store::Cache& cache, unsigned connections, Milliseconds probe,
          Hooks hooks);

  void start();
  // Nothing is begun any more; the pool ends what runs.
  void stop();
  // If the server wouldn't let us listen: perhaps it will now.
  void tryAgain();
  // Somebody looks at the mailbox.
  void used(MailboxId mailbox);

  Status status() const;

 private:
  // A connection that listens, or waits for its turn.
  struct Slot {
    std::optional<MailboxId> mailbox;  // with IDLE; the first one has INBOX where that is shown
    Clock::time_point since{};         // that it has this mailbox
    imap::Session* session = nullptr;  // while it listens
    std::string wire;
    bool submitted = false;
  };

  void submit(size_t slot);
  void ended(size_t slot, const std::optional<Error>& error);
  void run(imap::Session& session, size_t slot);
  void followAll(imap::Session& session);
  void follow(imap::Session& session, size_t slot);
  void dropHidden(std::map<std::string, MailboxStatus>& statuses) const;
  bool lively() const;
  void stirred();
  std::optional<imap::Push> listen(imap::Session& session, size_t slot, Milliseconds limit,
                                   bool ask);
  std::optional<MailboxId> inbox() const;
  std::optional<MailboxId> target(size_t slot) const;

  imap::Pool& pool_;
  const store::Cache& cache_;
  const Milliseconds probe_;
  const Hooks hooks_;

  mutable Mutex mutex_;
  std::vector<Slot> slots_ GUARDED_BY(mutex_);
  Method method_ GUARDED_BY(mutex_) = Method::none;
  Clock::time_point lively_until_ GUARDED_BY(mutex_){};
  // NOTIFY has failed that often in a row: a server that dies of it is not asked again.
  unsigned notify_failures_ GUARDED_BY(mutex_) = 0;
  bool refused_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;
};

}  // namespace emlfs
