// What the parts of an account tell each other.
#include "account/account_impl.h"
#include "emlfs/base/log.h"
#include "emlfs/sync/change.h"

namespace emlfs {

Drafts::Hooks AccountImpl::draftHooks() {
  return {[this](const sync::TreeChange& change) { tell(change); }, [this] { sender_.poke(); },
          [this](const store::Snapshot& snapshot, const store::MessageRecord& message) {
            return deletionOf(store(), options_.deletion, snapshot, message);
          },
          [this](MessageId id, const auto& commit) { bodies_.renew(id, commit); }};
}

BodyReader::Hooks AccountImpl::bodyHooks() {
  return {[this](const store::MessageRecord& message) { sizeChanged(message); },
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
          }};
}

Sender::Hooks AccountImpl::senderHooks() {
  return {[this](const sync::TreeChange& change) { tell(change); },
          [this](const std::set<MailboxId>& mailboxes) {
            if (!mailboxes.empty()) quota_.changed();
            for (const MailboxId mailbox : mailboxes) listings_.refresh(mailbox);
          },
          [this] {
            listings_.resume();
            bodies_.resume();
          },
          [this](const Error& error) { fail("changes could not be sent", error); }};
}

ChangesHooks AccountImpl::changesHooks() {
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

Watcher::Hooks AccountImpl::watcherHooks() {
  return {[this](imap::Session& session) { refreshWatched(session); },
          [this] { refresher_.doubted(); },
          [this](const auto& statuses) { refreshStale(statuses); },
          [this](MailboxId mailbox) { listings_.refresh(mailbox); },
          [this](const Error& error) { watchFailed(error); }};
}

void AccountImpl::tell(const sync::TreeChange& change) {
  Listener listener;
  {
    const MutexLock lock(mutex_);
    listener = listener_;
  }
  if (listener) listener(change);
}

void AccountImpl::fail(const std::string& what, const Error& error) {
  if (error.code == Code::cancelled) return;  // we are stopping
  errors_.add(what + ": " + error.what());
  log::warning("{}: {}", what, error.what());
}

void AccountImpl::dropSpooled(const std::string& file) const {
  try {
    spool_.remove(file);
  } catch (const Error& error) {
    log::warning("{}", error.what());
  }
}

void AccountImpl::sizeChanged(const store::MessageRecord& message) {
  sync::TreeChange change;
  change.directory = message.mailbox;
  change.attributes.push_back(message.id.value);
  tell(change);
}

void AccountImpl::bodiesStored(const std::optional<Error>& error) {
  if (!error) {
    cannot_store_ = false;
    evictor_.poke();
  } else if (!cannot_store_.exchange(true)) {
    fail("messages are read, but can't be cached", *error);
  }
}

}  // namespace emlfs
