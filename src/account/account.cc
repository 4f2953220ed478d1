#include "emlfs/account/account.h"

#include <algorithm>

#include "account/account_impl.h"
#include "account/draft_record.h"
#include "account/hidden.h"
#include "account/journal_text.h"
#include "account/owner.h"
#include "account/pages.h"
#include "emlfs/base/log.h"
#include "emlfs/store/state_format.h"
#include "emlfs/sync/change.h"

namespace emlfs {
namespace {

// A mailbox whose changes no STATUS shows (no CONDSTORE) is asked about itself when it is looked
// at.
constexpr Milliseconds kSilentMailboxAge{30'000};

constexpr unsigned kMostWatching = 4;
// IDLE is to be begun anew every 29 minutes at least (RFC 2177); and a server that is no longer
// there is to be noticed within `timeout`.
constexpr Milliseconds kLongestProbe{29 * 60'000};

constexpr const char* kShowsNothing =
    "the option mailboxes shows none of the server's mailboxes: 'emlfs check' says which of its "
    "patterns fit";

std::string nameOf(const imap::Endpoint& endpoint) {
  return endpoint.user + "@" + endpoint.host;
}

// What a later emlfs has written is refused before anything is changed, be it here or there.
std::unique_ptr<store::Cache> openCache(const AccountOptions& options) {
  store::requireKnownState(options.state_dir);
  auto cache = store::Cache::open(options.cache_dir);
  store::upgradeState(options.state_dir);
  return cache;
}

}  // namespace

AccountImpl::AccountImpl(const AccountOptions& options)
    : bandwidth_(options.bandwidth, options.state_dir),
      options_(withTraffic(options)),
      cache_lock_(lockFor(options.cache_dir, nameOf(options.session.endpoint))),
      state_lock_(options.state_dir == options.cache_dir
                      ? Fd()
                      : lockFor(options.state_dir, nameOf(options.session.endpoint))),
      names_(options.name_format.empty() ? view::NameFormat()
                                         : view::NameFormat(options.name_format)),
      cache_(openCache(options)),
      journal_(store::Journal::open(options.state_dir)),
      ids_(store::IdSource::open(options.state_dir)),
      pending_(*journal_),
      spool_(options.state_dir),
      drafts_(store(), *journal_, draftHooks()),
      pool_(imap::Pool::create(options_.session, std::max(options.connections, 1U))),
      listings_(
          *pool_, store(), [this](const sync::TreeChange& change) { tell(change); },
          [this](const std::optional<Error>& error) { listed(error); }),
      evictor_(*cache_, options.cache_size,
               [directory = options.cache_dir] { return diskSpace(directory); }),
      bodies_(*pool_, *cache_, options.cache_size / 2, counters_, bodyHooks()),
      refresher_(options.poll,
                 [this](const std::function<void()>& finished) { submitRefresh(finished); }),
      sender_(*pool_, store(), senderHooks()),
      changes_(options.read_only
                   ? nullptr
                   : makeChanges(store(), drafts_, options.deletion, deletions_, changesHooks())),
      watcher_(*pool_, *cache_, std::min(options.connections / 2, kMostWatching),
               std::min(options.session.endpoint.timeout / 2, kLongestProbe), watcherHooks()),
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
  if (const auto said = cache_->notice(); !said.empty()) errors_.add(said);  // it has logged it
}

std::optional<Error> AccountImpl::start() {
  auto why = connect();
  for (const auto& directory : {options_.cache_dir, options_.state_dir})
    noteOwner(directory, nameOf(options_.session.endpoint));
  if (!why) askQuota();
  if (showsNothing()) {
    errors_.add(kShowsNothing);
    log::warning("{}", kShowsNothing);
  }
  refresher_.start();
  watcher_.start();
  network_.start();
  evictor_.start();
  if (changes_ && pending_.size() > 0) sender_.poke();
  if (changes_) drafts_.start();
  return why;
}

std::string AccountImpl::notice() const {
  std::string said = cache_->notice();
  return said.empty() && showsNothing() ? kShowsNothing : said;
}

bool AccountImpl::showsNothing() const {
  if (options_.mailboxes.empty()) return false;
  const auto mailboxes = cache_->snapshot()->mailboxes();
  return std::ranges::none_of(
      mailboxes, [](const auto& record) { return record.selectable && !record.hidden; });
}

void AccountImpl::stop() {
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

void AccountImpl::setListener(Listener listener) {
  const MutexLock lock(mutex_);
  listener_ = std::move(listener);
}

std::optional<std::string> AccountImpl::settledBody(MessageId id) {
  // It has a UID, or it is refused there: from then on only one that began here can be renewed.
  if (drafts_.beganHere(id)) return std::nullopt;
  return bodies_.settled(id);
}

Flags AccountImpl::flags(const store::MessageRecord& message) const {
  const auto ours = pending_.outlook(message.id);
  return ours ? changed(message.flags, ours->add, ours->remove) : message.flags;
}

void AccountImpl::cancel(WaitId wait) {
  if (!bodies_.cancel(wait) && !sender_.cancel(wait)) listings_.cancel(wait);
}

void AccountImpl::touched(MailboxId mailbox) {
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

void AccountImpl::visited(MailboxId mailbox) {
  touched(mailbox);
  std::vector<MailboxId> ahead;
  {
    const auto snapshot = cache_->snapshot();
    const MutexLock lock(ahead_mutex_);
    ahead = listing_ahead_.visits(*snapshot, mailbox, Clock::now());
  }
  for (const MailboxId each : ahead) listings_.refresh(each);
}

std::string AccountImpl::journal(uint64_t after) const {
  const auto snapshot = cache_->snapshot();
  const auto changes = pending_.changes(after, Page::kMost + 1);
  const auto spool = spoolDirectory();
  return journalJson({*snapshot, changes, given_name_, spool}, after);
}

std::string AccountImpl::hidden(MailboxId directory, uint64_t after) const {
  return hiddenJson(store(), directory, after);
}

std::string AccountImpl::status(const std::map<std::string, uint64_t>& requests) const {
  ServerFacts server;
  {
    const MutexLock lock(mutex_);
    server = server_;
  }
  return statusJson({options_, server, traffic_, bandwidth_.throttle(), counters_, errors_, *pool_,
                     watcher_.status(), *cache_, evictor_.evictedBytes(), requests, started_,
                     changeFacts()});
}

AccountOptions AccountImpl::withTraffic(AccountOptions options) {
  options.session.traffic = &traffic_;
  options.session.throttle = bandwidth_.throttle();
  return options;
}

ChangeFacts AccountImpl::changeFacts() const {
  return {pending_.changes(), drafts_.unsent(), deletions_.burst(Clock::now()),
          given_name_,        spoolDirectory(), pending_.held() ? others_.last() : std::nullopt};
}

std::unique_ptr<Account> Account::open(const AccountOptions& options) {
  return std::make_unique<AccountImpl>(options);
}

}  // namespace emlfs
