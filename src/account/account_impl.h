// What account.h promises, put together: each part does one thing and knows none of the others;
// what one has to tell another goes through here. Constructed and defined in account.cc; how the
// tree follows the server, in account_tree.cc.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "account/bandwidth.h"
#include "account/body_reader.h"
#include "account/changes.h"
#include "account/drafts.h"
#include "account/evictor.h"
#include "account/listing_ahead.h"
#include "account/listings.h"
#include "account/network_events.h"
#include "account/quota.h"
#include "account/refresher.h"
#include "account/sender.h"
#include "account/status.h"
#include "account/watcher.h"
#include "emlfs/account/account.h"
#include "emlfs/base/file.h"
#include "emlfs/store/ids.h"
#include "emlfs/store/journal.h"
#include "emlfs/sync/sync.h"

namespace emlfs {

class AccountImpl final : public Account {
 public:
  explicit AccountImpl(const AccountOptions& options);
  ~AccountImpl() override { stop(); }

  std::optional<Error> start() override;
  void stop() override;
  void setListener(Listener listener) override;
  void setWalkListener(WalkListener listener) override { walk_listener_ = std::move(listener); }

  std::unique_ptr<store::Snapshot> snapshot() const override { return cache_->snapshot(); }
  std::string notice() const override;
  bool listed(const store::MailboxRecord& mailbox) const override {
    return !mailbox.selectable || mailbox.state.complete;
  }
  Changes* changes() override { return changes_.get(); }
  store::MessageRecord live(store::MessageRecord message) const override {
    return drafts_.live(std::move(message));
  }
  Flags flags(const store::MessageRecord& message) const override;

  WaitId newWait() override { return listings_.newWait(); }
  void whenListed(WaitId wait, MailboxId mailbox, Uid beyond, Done done) override {
    listings_.whenListed(wait, mailbox, beyond, std::move(done));
  }
  void cancel(WaitId wait) override;
  void touched(MailboxId mailbox) override;
  void visited(MailboxId mailbox) override;

  WaitId newRead() override { return bodies_.newRead(); }
  void read(WaitId wait, MessageId id, uint64_t offset, uint32_t size, ReadDone done) override {
    bodies_.read(wait, id, offset, size, std::move(done));
  }
  void sizeTold(MessageId id, uint64_t size) override { bodies_.sizeTold(id, size); }
  std::optional<std::string> settledBody(MessageId id) override;

  std::string journal(uint64_t after) const override;
  std::string hidden(MailboxId directory, uint64_t after) const override;
  std::optional<imap::Quota> quota() const override { return quota_.known(); }
  std::string status(const std::map<std::string, uint64_t>& requests) const override;

 private:
  AccountOptions withTraffic(AccountOptions options);
  sync::Store store() const {
    return {*cache_, *ids_, names_, &pending_, &spool_, options_.mailboxes};
  }
  std::string spoolDirectory() const { return options_.state_dir + "/spool"; }
  Drafts::Hooks draftHooks();
  BodyReader::Hooks bodyHooks();
  Sender::Hooks senderHooks();
  ChangesHooks changesHooks();
  Watcher::Hooks watcherHooks();
  bool showsNothing() const;
  void dropSpooled(const std::string& file) const;
  ChangeFacts changeFacts() const;
  void tell(const sync::TreeChange& change);
  void fail(const std::string& what, const Error& error);
  void sizeChanged(const store::MessageRecord& message);
  void bodiesStored(const std::optional<Error>& error);

  // The tree.
  std::optional<Error> connect();
  void askQuota();
  void submitRefresh(const std::function<void()>& finished);
  void refresh(imap::Session& session);
  std::vector<MailboxId> refreshTree(imap::Session& session);
  void refreshWatched(imap::Session& session);
  void refreshStale(const std::map<std::string, MailboxStatus>& statuses);
  void listed(const std::optional<Error>& error);
  void watchFailed(const Error& error);
  void networkChanged(NetworkEvents::Kind kind);

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

}  // namespace emlfs
