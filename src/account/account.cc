#include "emlfs/account/account.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <future>
#include <memory>
#include <utility>

#include "account/bandwidth.h"
#include "account/body_reader.h"
#include "account/changes.h"
#include "account/draft_record.h"
#include "account/drafts.h"
#include "account/evictor.h"
#include "account/hidden.h"
#include "account/journal_text.h"
#include "account/listing_ahead.h"
#include "account/listings.h"
#include "account/network_events.h"
#include "account/owner.h"
#include "account/pages.h"
#include "account/quota.h"
#include "account/refresher.h"
#include "account/sender.h"
#include "account/status.h"
#include "account/watcher.h"
#include "emlfs/base/file.h"
#include "emlfs/base/log.h"
#include "emlfs/store/ids.h"
#include "emlfs/store/journal.h"
#include "emlfs/store/state_format.h"
#include "emlfs/sync/change.h"
#include "emlfs/sync/sync.h"

namespace emlfs {
namespace {

// A mailbox whose changes no STATUS shows (no CONDSTORE) is asked about itself when it is looked
// at.
constexpr Milliseconds kSilentMailboxAge{30'000};

constexpr unsigned kMostWatching = 4;
// IDLE is to be begun anew every 29 minutes at least (RFC 2177); and a server that is no longer
// there is to be noticed within `timeout`.
constexpr Milliseconds kLongestProbe{29 * 60'000};
constexpr Milliseconds kStartWait{5'000};

std::string nameOf(const imap::Endpoint& endpoint) {
  return endpoint.user + "@" + endpoint.host;
}

Fd lockDirectory(const std::string& directory, const imap::Endpoint& endpoint) {
  makePrivateDirectory(directory);
  Fd lock = tryLock(directory + "/lock");
  if (!lock)
    throw Error(Code::busy, Scope::account,
                directory +
                    " is in use by another emlfs: unmount that first, or choose another "
                    "cache_dir and state_dir");
  requireOwner(directory, nameOf(endpoint));
  return lock;
}

// What a later emlfs has written is refused before anything is changed, be it here or there.
std::unique_ptr<store::Cache> openCache(const AccountOptions& options) {
  store::requireKnownState(options.state_dir);
  auto cache = store::Cache::open(options.cache_dir);
  store::upgradeState(options.state_dir);
  return cache;
}

class AccountImpl final : public Account {
 public:
  explicit AccountImpl(const AccountOptions& options)
      : bandwidth_(options.bandwidth, options.state_dir),
        options_(withTraffic(options)),
        cache_lock_(lockDirectory(options.cache_dir, options.session.endpoint)),
        state_lock_(options.state_dir == options.cache_dir
                        ? Fd()
                        : lockDirectory(options.state_dir, options.session.endpoint)),
        names_(options.name_format.empty() ? view::NameFormat()
                                           : view::NameFormat(options.name_format)),
        cache_(openCache(options)),
        journal_(store::Journal::open(options.state_dir)),
        ids_(store::IdSource::open(options.state_dir)),
        pending_(*journal_),
        spool_(options.state_dir),
        drafts_(
            store(), *journal_,
            {[this](const sync::TreeChange& change) { tell(change); }, [this] { sender_.poke(); },
             [this](const store::Snapshot& snapshot, const store::MessageRecord& message) {
               return deletionOf(store(), options_.deletion, snapshot, message);
             },
             [this](MessageId id, const auto& commit) { bodies_.renew(id, commit); }}),
        pool_(imap::Pool::create(options_.session, std::max(options.connections, 1U))),
        listings_(
            *pool_, store(), [this](const sync::TreeChange& change) { tell(change); },
            [this](const std::optional<Error>& error) { listed(error); }),
        evictor_(*cache_, options.cache_size,
                 [directory = options.cache_dir] { return diskSpace(directory); }),
        bodies_(*pool_, *cache_, options.cache_size / 2, counters_,
                {[this](const store::MessageRecord& message) { sizeChanged(message); },
                 [this](MailboxId mailbox) { listings_.refresh(mailbox); },
                 [this](const std::optional<Error>& error) { bodiesStored(error); },
                 [this](MessageId id, uint64_t offset, uint32_t size) {
                   return drafts_.read(id, offset, size);
                 },
                 [this](MessageId id) {
                   const auto ours = pending_.outlook(id);
                   return ours && ours->leaving;
                 },
                 [this](const WalkNews& news) {
                   if (walk_listener_) walk_listener_(news);
                 }}),
        refresher_(options.poll,
                   [this](const std::function<void()>& finished) { submitRefresh(finished); }),
        sender_(*pool_, store(),
                {[this](const sync::TreeChange& change) { tell(change); },
                 [this](const std::set<MailboxId>& mailboxes) {
                   if (!mailboxes.empty()) quota_.changed();
                   for (const MailboxId mailbox : mailboxes) listings_.refresh(mailbox);
                 },
                 [this] {
                   listings_.resume();
                   bodies_.resume();
                 },
                 [this](const Error& error) { fail("changes could not be sent", error); }}),
        changes_(options.read_only
                     ? nullptr
                     : makeChanges(store(), drafts_, options.deletion, deletions_, changesHooks())),
        watcher_(*pool_, *cache_, std::min(options.connections / 2, kMostWatching),
                 std::min(options.session.endpoint.timeout / 2, kLongestProbe),
                 {[this](imap::Session& session) { refreshWatched(session); },
                  [this] { refresher_.doubted(); },
                  [this](const auto& statuses) { refreshStale(statuses); },
                  [this](MailboxId mailbox) { listings_.refresh(mailbox); },
                  [this](const Error& error) { watchFailed(error); }}),
        network_([this](NetworkEvents::Kind kind) { networkChanged(kind); }) {
    ids_->raiseAbove(cache_->highestId());
    ids_->raiseAbove(highestId(*journal_, spool_));
    sync::showPending(store());
    drafts_.recover();
    for (const auto& orphan : drafts_.orphans()) errors_.add(orphan);
    pending_.holdDeletions([this]() -> std::optional<int64_t> {
      const auto awaited = others_.oldest();
      if (!awaited) return std::nullopt;
      drafts_.deletionsWait();
      return awaited->since;
    });
    others_.oldest();  // what is dated later than now is remembered
    pending_.holdNoDeletions([this](MessageId id) { return drafts_.isIdle(id); });
    if (const auto said = notice(); !said.empty()) errors_.add(said);  // the store has logged it
  }

  ~AccountImpl() override { stop(); }

  std::optional<Error> start() override {
    auto why = connect();
    for (const auto& directory : {options_.cache_dir, options_.state_dir})
      noteOwner(directory, nameOf(options_.session.endpoint));
    if (!why) askQuota();
    refresher_.start();
    watcher_.start();
    network_.start();
    evictor_.start();
    if (changes_ && pending_.size() > 0) sender_.poke();
    if (changes_) drafts_.start();
    return why;
  }

  void stop() override {
    if (stopped_.exchange(true)) return;
    network_.stop();
    drafts_.stop();
    refresher_.stop();
    watcher_.stop();
    pool_->stop();
    bodies_.stop();
    evictor_.stop();
    bandwidth_.save();
  }

  void setListener(Listener listener) override {
    const MutexLock lock(mutex_);
    listener_ = std::move(listener);
  }

  void setWalkListener(WalkListener listener) override { walk_listener_ = std::move(listener); }
  std::optional<std::string> settledBody(MessageId id) override {
    // It has a UID, or it is refused there: from then on only one that began here can be renewed.
    if (drafts_.beganHere(id)) return std::nullopt;
    return bodies_.settled(id);
  }

  std::unique_ptr<store::Snapshot> snapshot() const override { return cache_->snapshot(); }
  std::string notice() const override { return cache_->notice(); }

  bool listed(const store::MailboxRecord& mailbox) const override {
    return !mailbox.selectable || mailbox.state.complete;
  }

  Changes* changes() override { return changes_.get(); }
  store::MessageRecord live(store::MessageRecord message) const override {
    return drafts_.live(std::move(message));
  }
  Flags flags(const store::MessageRecord& message) const override {
    const auto ours = pending_.outlook(message.id);
    return ours ? changed(message.flags, ours->add, ours->remove) : message.flags;
  }

  WaitId newWait() override { return listings_.newWait(); }
  void whenListed(WaitId wait, MailboxId mailbox, Uid beyond, Done done) override {
    listings_.whenListed(wait, mailbox, beyond, std::move(done));
  }
  void cancel(WaitId wait) override {
    if (!bodies_.cancel(wait) && !sender_.cancel(wait)) listings_.cancel(wait);
  }

  void touched(MailboxId mailbox) override {
    pool_->hurry();
    watcher_.used(mailbox);
    refresher_.lookedAt();
    const auto record = cache_->snapshot()->mailbox(mailbox);
    if (!record || !record->state.complete || record->unborn || record->state.highest_modseq != 0)
      return;
    const auto last = listings_.lastSync(mailbox);
    if (!last || Clock::now() - *last > std::min(kSilentMailboxAge, options_.poll))
      listings_.refresh(mailbox);
  }

  void visited(MailboxId mailbox) override {
    touched(mailbox);
    std::vector<MailboxId> ahead;
    {
      const auto snapshot = cache_->snapshot();
      const MutexLock lock(ahead_mutex_);
      ahead = listing_ahead_.visits(*snapshot, mailbox, Clock::now());
    }
    for (const MailboxId each : ahead) listings_.refresh(each);
  }

  void read(WaitId wait, MessageId id, uint64_t offset, uint32_t size, ReadDone done) override {
    bodies_.read(wait, id, offset, size, std::move(done));
  }
  WaitId newRead() override { return bodies_.newRead(); }
  void sizeTold(MessageId id, uint64_t size) override { bodies_.sizeTold(id, size); }

  std::string journal(uint64_t after) const override {
    const auto snapshot = cache_->snapshot();
    const auto changes = pending_.changes(after, Page::kMost + 1);
    const auto spool = spoolDirectory();
    return journalJson({*snapshot, changes, given_name_, spool}, after);
  }
  std::string hidden(MailboxId directory, uint64_t after) const override {
    return hiddenJson(store(), directory, after);
  }
  std::optional<imap::Quota> quota() const override { return quota_.known(); }

  std::string status(const std::map<std::string, uint64_t>& requests) const override {
    ServerFacts server;
    {
      const MutexLock lock(mutex_);
      server = server_;
    }
    return statusJson({options_, server, traffic_, bandwidth_.throttle(), counters_, errors_,
                       *pool_, watcher_.status(), *cache_, evictor_.evictedBytes(), requests,
                       started_, changeFacts()});
  }

 private:
  AccountOptions withTraffic(AccountOptions options) {
    options.session.traffic = &traffic_;
    options.session.throttle = bandwidth_.throttle();
    return options;
  }

  sync::Store store() const {
    return {*cache_, *ids_, names_, &pending_, &spool_, options_.mailboxes};
  }

  ChangesHooks changesHooks() {
    return {[this](const sync::TreeChange& change) { tell(change); },
            [this] {
              sender_.poke();
              evictor_.poke();  // which also syncs the cache
            },
            [this] { others_.sync(); },
            [this](WaitId wait, std::optional<uint64_t> since, Done done) {
              sender_.flush(wait, since, std::move(done));
            },
            [this] { return sender_.newWait(); },
            [this](const std::string& file) { dropSpooled(file); }};
  }

  void dropSpooled(const std::string& file) const {
    try {
      spool_.remove(file);
    } catch (const Error& error) {
      log::warning("{}", error.what());
    }
  }

  ChangeFacts changeFacts() const {
    return {pending_.changes(), drafts_.unsent(), deletions_.burst(Clock::now()),
            given_name_,        spoolDirectory(), pending_.held() ? others_.last() : std::nullopt};
  }

  std::string spoolDirectory() const { return options_.state_dir + "/spool"; }

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

  void listed(const std::optional<Error>& error) {
    bodies_.resume();
    if (!error) {
      if (changes_) sender_.looked();
      return;
    }
    fail("a mailbox could not be brought up to date", *error);
    // Deleted or renamed elsewhere, perhaps; some servers only say that one may not look.
    if (error->code == Code::not_found || error->code == Code::denied ||
        error->code == Code::refused)
      refresher_.doubted();
  }

  // With what the last mount left behind there is no need to wait for long.
  std::optional<Error> connect() {
    const auto mailboxes = cache_->snapshot()->mailboxes();
    const bool known = std::any_of(mailboxes.begin(), mailboxes.end(),
                                   [](const auto& record) { return record.selectable; });
    auto outcome = std::make_shared<std::promise<std::optional<Error>>>();
    imap::Job job;
    job.run = [this, outcome](imap::Session& session) {
      refresh(session);
      outcome->set_value(std::nullopt);
    };
    job.failed = [outcome](const Error& error) { outcome->set_value(error); };
    job.doing = "starting";
    pool_->submit(std::move(job));
    auto ended = outcome->get_future();
    if (known && ended.wait_for(kStartWait) != std::future_status::ready)
      return Error(Code::timeout, Scope::connection, "it has not answered yet");
    auto error = ended.get();
    if (!error) return std::nullopt;
    // Whose password is refused still has his mail.
    const bool refused = error->code == Code::auth;
    const bool away = error->code == Code::network || error->code == Code::timeout ||
                      error->code == Code::protocol || refused;
    if (!known || !away) throw Error(std::move(*error));
    fail(refused ? "signing in failed" : "the server can't be reached", *error);
    return error;
  }

  void askQuota() {
    imap::Job job;
    job.lane = imap::Lane::background;
    job.doing = "asking for the quota";
    job.run = [this](imap::Session& session) { quota_.refresh(session); };
    job.failed = [this](const Error& error) { fail("the quota is not known", error); };
    pool_->submit(std::move(job));
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
    const auto stale = refreshTree(session);
    drafts_.restore();
    drafts_.strandLost();
    if (changes_) sender_.looked();
    for (const auto mailbox : stale) listings_.refresh(mailbox);
  }

  void bodiesStored(const std::optional<Error>& error) {
    if (!error) {
      cannot_store_ = false;
      evictor_.poke();
    } else if (!cannot_store_.exchange(true)) {
      fail("messages are read, but can't be cached", *error);
    }
  }

  std::vector<MailboxId> refreshTree(imap::Session& session) {
    const auto namespaces = session.namespaces();
    sync::Doubts doubts;
    {
      const MutexLock lock(mutex_);
      doubts = doubts_;
    }
    const auto remember = [&] {
      const MutexLock lock(mutex_);
      doubts_ = doubts;
    };
    try {
      auto stale = sync::refreshTree(session, namespaces, store(), doubts,
                                     [this](const sync::TreeChange& change) { tell(change); });
      remember();
      if (doubts.awaitsRename()) refresher_.doubted();
      return stale;
    } catch (...) {
      remember();
      throw;
    }
  }

  void refreshWatched(imap::Session& session) {
    try {
      refresh(session);
    } catch (const Error& error) {
      if (error.scope != Scope::mailbox) throw;
      fail("the list of mailboxes could not be refreshed", error);
    }
  }

  void refreshStale(const std::map<std::string, MailboxStatus>& statuses) {
    for (const auto mailbox : sync::staleMailboxes(store(), statuses)) listings_.refresh(mailbox);
  }

  void watchFailed(const Error& error) {
    fail("a connection that watches was lost", error);
    // Who hears nothing from one connection should not wait for another one's answer; and where a
    // server died, the others may have lost more than they know.
    if (error.scope == Scope::connection) pool_->doubt();
  }

  void networkChanged(NetworkEvents::Kind kind) {
    log::info("{}", kind == NetworkEvents::Kind::woke_up ? "the clock was set, or the machine slept"
                                                         : "the network has changed");
    if (kind == NetworkEvents::Kind::woke_up) {
      others_.oldest();  // what was written before the clock was set
      pool_->doubt();
    }
    pool_->forgive();
  }

  void submitRefresh(const std::function<void()>& finished) {
    imap::Job job;
    job.lane = imap::Lane::background;
    job.doing = "looking for changes";
    job.run = [this, finished](imap::Session& session) {
      refresh(session);
      quota_.refresh(session);
      bandwidth_.note();
      finished();
      watcher_.tryAgain();
    };
    job.failed = [this, finished](const Error& error) {
      fail("the list of mailboxes could not be refreshed", error);
      finished();
    };
    pool_->submit(std::move(job));
  }

  imap::Traffic traffic_;
  Bandwidth bandwidth_;
  const AccountOptions options_;
  const Fd cache_lock_;
  const Fd state_lock_;
  const view::NameFormat names_;
  const std::unique_ptr<store::Cache> cache_;
  const std::unique_ptr<store::Journal> journal_;
  const std::unique_ptr<store::IdSource> ids_;
  mutable sync::Pending pending_;
  const store::Spool spool_;
  store::OtherSpools others_{options_.state_dir};
  // Of a message that the store may no longer have.
  const std::function<std::optional<std::string>(MessageId)> given_name_ = [this](MessageId id) {
    return pending_.nameOf({{}, 0, 0, id});
  };
  Drafts drafts_;
  const std::unique_ptr<imap::Pool> pool_;
  QuotaKeeper quota_{*cache_};
  Deletions deletions_;
  Counters counters_;
  ErrorLog errors_;
  mutable Mutex mutex_;
  Listener listener_ GUARDED_BY(mutex_);
  WalkListener walk_listener_;  // set before the first read
  ServerFacts server_ GUARDED_BY(mutex_);
  sync::Doubts doubts_ GUARDED_BY(mutex_);
  Mutex ahead_mutex_;
  ListingAhead listing_ahead_ GUARDED_BY(ahead_mutex_);
  const Clock::time_point started_ = Clock::now();
  std::atomic<bool> stopped_{false};
  std::atomic<bool> cannot_store_{false};  // told once
  Listings listings_;
  Evictor evictor_;
  BodyReader bodies_;
  Refresher refresher_;
  Sender sender_;
  const std::unique_ptr<Changes> changes_;
  Watcher watcher_;
  NetworkEvents network_;
};

}  // namespace

std::unique_ptr<Account> Account::open(const AccountOptions& options) {
  return std::make_unique<AccountImpl>(options);
}

}  // namespace emlfs
