// How the tree of an account follows its server: at the start, by polling, by watching, and when
// the network changes.
#include <algorithm>
#include <future>

#include "account/account_impl.h"
#include "emlfs/base/log.h"

namespace emlfs {
namespace {

constexpr Milliseconds kStartWait{5'000};

}  // namespace

// With what the last mount left behind there is no need to wait for long.
std::optional<Error> AccountImpl::connect() {
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

void AccountImpl::askQuota() {
  imap::Job job;
  job.lane = imap::Lane::background;
  job.doing = "asking for the quota";
  job.run = [this](imap::Session& session) { quota_.refresh(session); };
  job.failed = [this](const Error& error) { fail("the quota is not known", error); };
  pool_->submit(std::move(job));
}

void AccountImpl::submitRefresh(const std::function<void()>& finished) {
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

void AccountImpl::refresh(imap::Session& session) {
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

std::vector<MailboxId> AccountImpl::refreshTree(imap::Session& session) {
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

void AccountImpl::refreshWatched(imap::Session& session) {
  try {
    refresh(session);
  } catch (const Error& error) {
    if (error.scope != Scope::mailbox) throw;
    fail("the list of mailboxes could not be refreshed", error);
  }
}

void AccountImpl::refreshStale(const std::map<std::string, MailboxStatus>& statuses) {
  for (const auto mailbox : sync::staleMailboxes(store(), statuses)) listings_.refresh(mailbox);
}

void AccountImpl::listed(const std::optional<Error>& error) {
  bodies_.resume();
  if (!error) {
    if (changes_) sender_.looked();
    return;
  }
  fail("a mailbox could not be brought up to date", *error);
  // Deleted or renamed elsewhere, perhaps; some servers only say that one may not look.
  if (error->code == Code::not_found || error->code == Code::denied || error->code == Code::refused)
    refresher_.doubted();
}

void AccountImpl::watchFailed(const Error& error) {
  fail("a connection that watches was lost", error);
  // Who hears nothing from one connection should not wait for another one's answer; and where a
  // server died, the others may have lost more than they know.
  if (error.scope == Scope::connection) pool_->doubt();
}

void AccountImpl::networkChanged(NetworkEvents::Kind kind) {
  log::info("{}", kind == NetworkEvents::Kind::woke_up ? "the clock was set, or the machine slept"
                                                       : "the network has changed");
  if (kind == NetworkEvents::Kind::woke_up) {
    others_.oldest();  // what was written before the clock was set
    pool_->doubt();
  }
  pool_->forgive();
}

}  // namespace emlfs
