// What a mount is without its threads and the kernel: a session, a cache, a journal, drafts. For
// tests of src/sync against real servers.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "account/drafts.h"
#include "emlfs/base/error.h"
#include "emlfs/store/cache.h"
#include "emlfs/sync/change.h"
#include "emlfs/sync/mailbox_change.h"
#include "emlfs/sync/replay.h"
#include "support/imap_server.h"
#include "support/scratch_dir.h"

namespace emlfs::test {

// A client with its cache and journal, on a proxy before the server.
class SyncClient {
 public:
  using Names = std::vector<std::string>;

  SyncClient(const ImapServer& server, uint16_t port, std::set<std::string> without)
      : server_(server) {
    options_.endpoint.host = server.host();
    options_.endpoint.port = port;
    options_.endpoint.security = imap::Security::plain;
    options_.endpoint.user = server.user();
    options_.endpoint.timeout = std::chrono::seconds(10);
    options_.without = std::move(without);
    options_.without.insert("COMPRESS=DEFLATE");  // the proxy reads along
    options_.secret = [password = server.password()](const auto&) { return Secret(password); };
    open();
  }

  // As after a kill -9; with `forget`, somebody has deleted the cache as well.
  void reopen(bool forget) {
    session_.reset();
    drafts_.reset();
    spool_.reset();
    pending_.reset();
    journal_.reset();
    ids_.reset();
    cache_.reset();
    if (forget) std::filesystem::remove_all(cache_dir_);
    open();
  }

  imap::Session& session() {
    if (!session_) session_ = imap::Session::open(options_);
    return *session_;
  }
  void disconnect() { session_.reset(); }
  const store::Cache& cache() const { return *cache_; }
  sync::Store store() { return {*cache_, *ids_, names_, pending_.get(), spool_.get()}; }
  const sync::Pending& pending() const { return *pending_; }
  Drafts& drafts() { return *drafts_; }
  Names spool() const { return spool_->list(); }
  // Of another account of this user.
  std::string siblingState() const { return scratch_ / "state/other"; }

  void sync() {
    refresh();
    drafts_->restore();
    for (const auto& record : cache_->snapshot()->mailboxes()) {
      if (!record.selectable || record.hidden) continue;
      try {
        syncMailbox(session(), store(), record.id, ignore_);
      } catch (const Error& error) {
        if (error.code != Code::busy) throw;  // later, when it is known what has arrived
      }
    }
  }
  // A list that the server has to be asked for once more is.
  void refresh() {
    for (bool again = true;; again = false) {
      try {
        refreshTree(session(), session().namespaces(), store(), doubts_, ignore_);
        return;
      } catch (const Error& error) {
        if (error.code != Code::stale || !again) throw;
        disconnect();
      }
    }
  }
  void send() { replay(session(), store(), ignore_); }
  // Until nothing is left to be sent or found out.
  void settle() {
    for (int round = 0; round < 4 && pending_->size() > pending_->parked(); ++round) {
      send();
      sync();
    }
    EXPECT_EQ(pending_->size(), pending_->parked());
  }

  MailboxId mailbox(const std::string& path) const {
    const auto id = find(path);
    if (!id) throw std::out_of_range("there is no " + path);
    return *id;
  }
  std::optional<MailboxId> find(const std::string& path) const {
    const auto snapshot = cache_->snapshot();
    MailboxId at = kRoot;
    for (const auto& level : std::filesystem::path(path)) {
      const auto found = snapshot->find(at, level.string());
      if (!found || !isDirectory(found->node)) return std::nullopt;
      at = MailboxId{found->node};
    }
    return at;
  }
  // All directories, as paths.
  Names tree() const {
    Names paths;
    addTree(*cache_->snapshot(), kRoot, "", paths);
    std::sort(paths.begin(), paths.end());
    return paths;
  }
  MailboxId make(const std::string& path) {
    const auto [parent, name] = split(path);
    return makeMailbox(store(), parent, name, ignore_).id;
  }
  void rename(const std::string& path, const std::string& to) {
    const auto [parent, name] = split(to);
    renameMailbox(store(), mailbox(path), parent, name, ignore_);
  }
  void remove(const std::string& path) { removeMailbox(store(), mailbox(path), ignore_); }
  // Names that readers of the directory see; each exactly once, and found by its name.
  Names names(const std::string& path) const {
    const auto snapshot = cache_->snapshot();
    const MailboxId directory = mailbox(path);
    Names found;
    const auto add = [&](const store::MessageRecord& message) {
      found.push_back(message.name);
      EXPECT_EQ(snapshot->find(directory, message.name).value().node, message.id.value);
      return true;
    };
    snapshot->messages(directory, 0, [&](const store::MessageRecord& message) {
      return message.shown != store::Shown::in_place || add(message);
    });
    snapshot->arrivals(directory, {}, add);
    return found;
  }
  MessageId message(const std::string& path, const std::string& name) const {
    return MessageId{cache_->snapshot()->find(mailbox(path), name).value().node};
  }
  store::MessageRecord record(const std::string& path, const std::string& name) const {
    const auto snapshot = cache_->snapshot();
    const auto found = snapshot->find(mailbox(path), name);
    if (!found) throw std::runtime_error(path + "/" + name + " is not there");
    return snapshot->message(MessageId{found->node}).value();
  }

  // A new message, as cp -p writes it.
  MessageId write(const std::string& path, const std::string& name, std::string_view bytes) {
    const MessageId id = drafts_->create(mailbox(path), name).id;
    constexpr size_t kPiece = 4096;
    for (size_t at = 0; at < bytes.size(); at += kPiece)
      drafts_->write(id, at, bytes.substr(at, kPiece));
    drafts_->setTime(id, kWritten);
    drafts_->closed(mailbox(path), name);
    return id;
  }
  // Finished, too.
  void add(const std::string& path, const std::string& name, std::string_view bytes) {
    write(path, name, bytes);
    drafts_->sealAll();
  }
  static constexpr int64_t kWritten = 1'600'000'000;  // when: 13 Sep 2020

  void move(const std::string& from, const std::string& name, const std::string& to,
            const std::string& new_name) {
    sync::moveMessage(store(), message(from, name), mailbox(to), new_name, ignore_);
  }
  const sync::OnChange& ignore() const { return ignore_; }

 private:
  static void addTree(const store::Snapshot& snapshot, MailboxId at, const std::string& above,
                      Names& paths) {
    snapshot.subdirectories(at, 0, [&](const store::MailboxRecord& record) {
      EXPECT_EQ(snapshot.find(at, record.name).value().node, record.id.value);
      paths.push_back(above + record.name);
      addTree(snapshot, record.id, above + record.name + "/", paths);
      return true;
    });
  }
  std::pair<MailboxId, std::string> split(const std::string& path) const {
    const std::filesystem::path whole(path);
    return {mailbox(whole.parent_path().string()), whole.filename().string()};
  }
  void open() {
    cache_ = store::Cache::open(cache_dir_);
    ids_ = store::IdSource::open(state_dir_);
    ids_->raiseAbove(cache_->highestId());
    journal_ = store::Journal::open(state_dir_);
    pending_ = std::make_unique<sync::Pending>(*journal_);
    spool_ = std::make_unique<store::Spool>(state_dir_);
    drafts_ =
        std::make_unique<Drafts>(store(), *journal_,
                                 Drafts::Hooks{ignore_, [] {},
                                               [this](const auto& snapshot, const auto& message) {
                                                 return deletionOf(snapshot, message);
                                               }});
    sync::showPending(store());
    drafts_->recover();
    pending_->holdDeletions([this]() -> std::optional<int64_t> {
      const auto awaited = store::OtherSpools(state_dir_).oldest();
      return awaited ? std::optional(awaited->since) : std::nullopt;
    });
  }
  store::Change deletionOf(const store::Snapshot& snapshot, const store::MessageRecord& message) {
    auto change = sync::changeOf(store::Change::Kind::flags, store(), snapshot, message);
    change.add = Flags({"\\Deleted"});
    return change;
  }

  const ImapServer& server_;
  const ScratchDir scratch_;
  const std::string cache_dir_ = scratch_ / "cache";
  const std::string state_dir_ = scratch_ / "state/account";
  imap::SessionOptions options_;
  const view::NameFormat names_{"{subject}.{uid}"};
  const sync::OnChange ignore_ = [](const sync::TreeChange&) {};
  std::unique_ptr<store::Cache> cache_;
  std::unique_ptr<store::IdSource> ids_;
  std::unique_ptr<store::Journal> journal_;
  std::unique_ptr<sync::Pending> pending_;
  std::unique_ptr<store::Spool> spool_;
  std::unique_ptr<Drafts> drafts_;
  std::unique_ptr<imap::Session> session_;
  sync::Doubts doubts_;
};

}  // namespace emlfs::test
