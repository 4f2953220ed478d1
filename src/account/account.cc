#include "emlfs/account/account.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "account/body_reader.h"
#include "account/listings.h"
#include "account/refresher.h"
#include "account/status.h"
#include "emlfs/base/file.h"
#include "emlfs/base/log.h"
#include "emlfs/store/ids.h"
#include "emlfs/sync/sync.h"

namespace emlfs {
namespace {

// A mailbox whose changes no STATUS shows (no CONDSTORE) is asked about itself when it is looked
// at.
constexpr Milliseconds kSilentMailboxAge{30'000};

Fd lockDirectory(const std::string& directory) {
  makePrivateDirectory(directory);
  Fd lock = tryLock(directory + "/lock");
  if (!lock)
    throw Error(Code::busy, Scope::account,
                directory +
                    " is in use by another emlfs: unmount that first, or choose another "
                    "cache_dir and state_dir");
  return lock;
}

class AccountImpl final : public Account {
 public:
  explicit AccountImpl(const AccountOptions& options)
      : options_(withTraffic(options)),
        cache_lock_(lockDirectory(options.cache_dir)),
        state_lock_(options.state_dir == options.cache_dir ? Fd()
                                                           : lockDirectory(options.state_dir)),
        names_(options.name_format.empty() ? view::NameFormat()
                                           : view::NameFormat(options.name_format)),
        cache_(store::Cache::open(options.cache_dir)),
        ids_(store::IdSource::open(options.state_dir)),
        pool_(imap::Pool::create(options_.session, std::max(options.connections, 1U))),
        listings_(
            *pool_, store(), [this](const sync::TreeChange& change) { tell(change); },
            [this](const Error& error) { listingFailed(error); }),
        bodies_(*pool_, *cache_, counters_,
                {[this](const store::MessageRecord& message) { sizeChanged(message); },
                 [this](MailboxId mailbox) { listings_.refresh(mailbox); }}),
        refresher_(options.poll,
                   [this](const std::function<void()>& finished) { submitRefresh(finished); }) {
    ids_->raiseAbove(cache_->highestId());
  }

  ~AccountImpl() override { stop(); }

  void start() override {
    pool_->runAndWait(imap::Lane::foreground, "",
                      [this](imap::Session& session) { refresh(session); });
    refresher_.start();
  }

  void stop() override {
    if (stopped_.exchange(true)) return;
    refresher_.stop();
    pool_->stop();
    bodies_.stop();
  }

  void setListener(Listener listener) override {
    const MutexLock lock(mutex_);
    listener_ = std::move(listener);
  }

  std::unique_ptr<store::Snapshot> snapshot() const override { return cache_->snapshot(); }

  bool listed(const store::MailboxRecord& mailbox) const override {
    return !mailbox.selectable || mailbox.state.complete;
  }

  WaitId newWait() override { return listings_.newWait(); }
  void whenListed(WaitId wait, MailboxId mailbox, Uid beyond, Done done) override {
    listings_.whenListed(wait, mailbox, beyond, std::move(done));
  }
  void cancel(WaitId wait) override { listings_.cancel(wait); }

  void touched(MailboxId mailbox) override {
    refresher_.lookedAt();
    const auto record = cache_->snapshot()->mailbox(mailbox);
    if (!record || !record->state.complete || record->state.highest_modseq != 0) return;
    const auto last = listings_.lastSync(mailbox);
    if (!last || Clock::now() - *last > std::min(kSilentMailboxAge, options_.poll))
      listings_.refresh(mailbox);
  }

  void read(MessageId id, uint64_t offset, uint32_t size, ReadDone done) override {
    bodies_.read(id, offset, size, std::move(done));
  }
  void sizeTold(MessageId id, uint64_t size) override { bodies_.sizeTold(id, size); }

  std::string status() const override {
    ServerFacts server;
    {
      const MutexLock lock(mutex_);
      server = server_;
    }
    return statusJson(options_, server, traffic_, counters_, errors_, *pool_, *cache_, started_);
  }

 private:
  AccountOptions withTraffic(AccountOptions options) {
    options.session.traffic = &traffic_;
    return options;
  }

  sync::Store store() const { return {*cache_, *ids_, names_}; }

  void tell(const sync::TreeChange& change) {
    Listener listener;
    {
      const MutexLock lock(mutex_);
      listener = listener_;
    }
    if (listener) listener(change);
  }

  void fail(const std::string& what, const Error& error) {
    if (error.code == Code::cancelled) return;  // we are stopping
    errors_.add(what + ": " + error.what());
    log::warning("{}: {}", what, error.what());
  }

  void listingFailed(const Error& error) {
    fail("a mailbox could not be brought up to date", error);
    if (error.code == Code::not_found) refresher_.lookedAt();  // deleted or renamed elsewhere
  }

  void sizeChanged(const store::MessageRecord& message) {
    sync::TreeChange change;
    change.directory = message.mailbox;
    change.attributes.push_back(message.id.value);
    tell(change);
  }

  void refresh(imap::Session& session) {
    {
      const MutexLock lock(mutex_);
      server_ = {session.greeting(), session.tlsVersion(), session.capabilities().names()};
    }
    // Of the mailbox that it has selected itself, a session tells what it saw last.
    if (!session.selected().empty()) session.noop();
    const auto stale = sync::refreshTree(session, session.namespaces(), store(),
                                         [this](const sync::TreeChange& change) { tell(change); });
    for (const auto mailbox : stale) listings_.refresh(mailbox);
  }

  void submitRefresh(const std::function<void()>& finished) {
    imap::Job job;
    job.lane = imap::Lane::background;
    job.run = [this, finished](imap::Session& session) {
      refresh(session);
      finished();
    };
    job.failed = [this, finished](const Error& error) {
      fail("the list of mailboxes could not be refreshed", error);
      finished();
    };
    pool_->submit(std::move(job));
  }

  imap::Traffic traffic_;
  const AccountOptions options_;
  const Fd cache_lock_;
  const Fd state_lock_;
  const view::NameFormat names_;
  const std::unique_ptr<store::Cache> cache_;
  const std::unique_ptr<store::IdSource> ids_;
  const std::unique_ptr<imap::Pool> pool_;
  Counters counters_;
  ErrorLog errors_;
  mutable Mutex mutex_;
  Listener listener_ GUARDED_BY(mutex_);
  ServerFacts server_ GUARDED_BY(mutex_);
  const Clock::time_point started_ = Clock::now();
  std::atomic<bool> stopped_{false};
  Listings listings_;
  BodyReader bodies_;
  Refresher refresher_;
};

}  // namespace

std::unique_ptr<Account> Account::open(const AccountOptions& options) {
  return std::make_unique<AccountImpl>(options);
}

}  // namespace emlfs
