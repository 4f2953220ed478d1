// Drafts with their store and without a server: what has been sent is said by the test.
#pragma once

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "account/drafts.h"
#include "emlfs/base/error.h"
#include "emlfs/store/ids.h"
#include "emlfs/sync/change.h"
#include "support/cache_samples.h"
#include "support/journal_around.h"
#include "unit/cache_fixture.h"

namespace emlfs {

// One whose disk can be full.
class FullJournal final : public test::JournalAround {
 public:
  using JournalAround::JournalAround;
  std::vector<uint64_t> commit(const store::Batch& batch) override {
    if (before_commit) before_commit();
    if (full) throw Error(Code::system, Scope::account, "No space left");
    if (committing) committing();
    return JournalAround::commit(batch);
  }

  bool full = false;
  std::function<void()> before_commit;
  std::function<void()> committing;
};

class DraftUnitTest : public CacheTest {
 protected:
  using Change = store::Change;
  using Kind = Change::Kind;

  void SetUp() override {
    update([&](auto& change) { change.putMailbox(test::sampleMailbox(1, "A")); });
    open();
  }
  void TearDown() override {
    drafts_.reset();
    CacheTest::TearDown();
  }

  // As after a kill -9.
  void crash() {
    drafts_.reset();
    pending_.reset();
    journal_.reset();
    on_disk_.reset();
    ids_.reset();
    reopen();
    open();
  }
  sync::Store store() { return {*cache_, *ids_, names_, pending_.get(), spool_.get()}; }

  MessageId write(const std::string& name, std::string_view bytes) {
    const MessageId id = drafts_->create(kA, name).id;
    drafts_->write(id, 0, bytes);
    drafts_->closed(kA, name);
    return id;
  }
  void finish(const std::string& name) {
    drafts_->closed(kA, name);
    drafts_->sealAll();
  }
  // What is finished has arrived under this UID.
  void send(Uid uid) {
    for (const Change& append : pending_->next()) {
      if (append.kind != Kind::append) continue;
      auto record = cache_->snapshot()->message(append.id).value();
      record.uid = uid++;
      update([&](auto& change) { change.putMessage(record); });
      const sync::Bound bound{append.number, {"A", 1, record.uid, "", append.size}};
      pending_->done({&bound, 1});
      spool_->remove(append.spool);
    }
  }
  // A message that the server has.
  store::MessageRecord deliver(const std::string& name, uint64_t id, Uid uid) {
    auto message = test::sampleMessage(id, kA, uid);
    message.name = name;
    update([&](auto& change) { change.putMessage(message); });
    return message;
  }
  std::optional<store::MessageRecord> at(const std::string& name) const {
    const auto snapshot = cache_->snapshot();
    const auto found = snapshot->find(kA, name);
    return found ? snapshot->message(MessageId{found->node}) : std::nullopt;
  }
  std::string bytes(MessageId id) const { return drafts_->read(id, 0, 10'000).value_or("none"); }
  std::vector<Change> changes(Kind kind) const {
    std::vector<Change> found;
    for (auto& change : pending_->changes())
      if (change.kind == kind) found.push_back(std::move(change));
    return found;
  }
  mode_t mode(const std::string& file) const {
    struct stat st{};
    EXPECT_EQ(::stat((state_ / ("spool/" + file)).c_str(), &st), 0);
    return st.st_mode & 0777;
  }

  const MailboxId kA = test::mailboxId(1);
  const test::ScratchDir state_;
  const view::NameFormat names_{"{subject}.{uid}"};
  std::unique_ptr<store::Journal> on_disk_;
  std::unique_ptr<FullJournal> journal_;
  std::unique_ptr<store::IdSource> ids_;
  std::unique_ptr<sync::Pending> pending_;
  std::unique_ptr<store::Spool> spool_;
  std::unique_ptr<Drafts> drafts_;
  std::vector<MessageId> renewed_;
  std::function<void()> deleting_;  // once, when a deletion is made and not yet in the journal

 private:
  void open() {
    on_disk_ = store::Journal::open(state_.path());
    journal_ = std::make_unique<FullJournal>(*on_disk_);
    ids_ = store::IdSource::open(state_.path());
    ids_->raiseAbove(std::max<uint64_t>(cache_->highestId(), 100));
    pending_ = std::make_unique<sync::Pending>(*journal_);
    spool_ = std::make_unique<store::Spool>(state_.path());
    const sync::OnChange ignore = [](const sync::TreeChange&) {};
    const auto deletion = [this](const auto& snapshot, const auto& message) {
      auto change = sync::changeOf(Kind::flags, store(), snapshot, message);
      change.add = Flags({"\\Deleted"});
      if (const auto now = std::exchange(deleting_, nullptr)) now();
      return change;
    };
    const auto renew = [this](MessageId id, const auto& commit) {
      renewed_.push_back(id);
      commit();
    };
    drafts_ =
        std::make_unique<Drafts>(store(), *journal_, Drafts::Hooks{ignore, [] {}, deletion, renew});
    sync::showPending(store());
    drafts_->recover();
    pending_->holdNoDeletions([this](MessageId id) { return drafts_->isIdle(id); });
  }
};

}  // namespace emlfs
