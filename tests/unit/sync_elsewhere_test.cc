// Messages on their way into another mailbox, as a person sees it, and the server doesn't know that
// yet: whatever it tells of them, no name comes or goes untold.
#include <random>
#include <set>
#include <tuple>

#include "emlfs/sync/free_name.h"
#include "emlfs/sync/pending.h"
#include "unit/sync_servers.h"

namespace emlfs {
namespace {

class SyncElsewhereTest : public SyncTest {
 protected:
  // The first of those is shown in Other, and the kernel knows it there.
  void SetUp() override {
    for (int i = 0; i < 3; ++i) model_.append();
    id_ = mailbox(session_);
    ListEntry other;
    other.wire = "Other";
    other.delimiter = '/';
    session_.listing.push_back(other);
    sync::refreshTree(session_, session_.namespaces(), store(), doubts_, ignore_);
    sync::syncMailbox(session_, store(), id_, ignore_);
    const auto snapshot = cache_->snapshot();
    other_ = MailboxId{snapshot->find(kRoot, "Other")->node};
    auto message = snapshot->message(*snapshot->byUid(id_, 1)).value();
    message.shown = store::Shown::arrived;
    message.directory = other_;
    message_ = message;
    const auto update = cache_->begin();
    update->putMessage(message);
    update->commit();
    changed_ = cache_->snapshot()->mailbox(other_)->changed;
  }
  // It is gone from Other, and who has looked there hears of it.
  void expectTold(const std::vector<sync::TreeChange>& told) {
    const auto snapshot = cache_->snapshot();
    EXPECT_FALSE(snapshot->find(other_, message_.name));
    std::vector<uint64_t> removed;
    bool attributes = false;
    for (const auto& change : told) {
      if (change.directory != other_) continue;
      EXPECT_TRUE(change.entries);
      for (const auto& gone : change.removed)
        if (gone.name == message_.name) removed.push_back(gone.node);
      attributes |= change.attributes == std::vector{other_.value};
    }
    EXPECT_EQ(removed, std::vector{message_.id.value});
    EXPECT_TRUE(attributes);
    EXPECT_GT(snapshot->mailbox(other_)->changed, changed_);
  }
  // As a person does, and the server will hear of it later.
  void moveSome(sync::Pending& pending, std::mt19937& random) {
    std::vector<store::MessageRecord> moved;
    cache_->snapshot()->messages(id_, 0, [&](const store::MessageRecord& message) {
      if (message.shown == store::Shown::in_place && random() % 4 == 0) moved.push_back(message);
      return true;
    });
    const auto update = cache_->begin();
    for (auto& message : moved) {
      store::Change move;
      move.id = message.id;
      move.source = {"INBOX", model_.validity, message.uid, message.message_id, message.size};
      move.mailbox = "Other";
      pending.add({.add = {move}});
      message.shown = store::Shown::arrived;
      message.directory = other_;
      message.name = sync::freeName(*update, other_, message.name, message.id);
      update->putMessage(message);
    }
    update->commit();
  }
  std::vector<sync::TreeChange> refresh() {
    std::vector<sync::TreeChange> told;
    sync::syncMailbox(session_, store(), id_,
                      [&](const sync::TreeChange& change) { told.push_back(change); });
    return told;
  }

  ModelMailbox model_;
  ModelSession session_{model_, GetParam()};
  MailboxId id_;
  MailboxId other_;
  store::MessageRecord message_;
  decltype(store::MailboxRecord::changed) changed_{};
};

TEST_P(SyncElsewhereTest, AnotherClientExpungesIt) {
  model_.expunge(1);
  expectTold(refresh());
}

TEST_P(SyncElsewhereTest, AnotherClientDeletesIt) {
  model_.setFlags(1, Flags({"\\Deleted"}));
  expectTold(refresh());
}

TEST_P(SyncElsewhereTest, AnotherClientDeletesItAndTakesThatBack) {
  const auto journal = store::Journal::open(directory_.path() + "/state");
  sync::Pending pending(*journal);
  store::Change move;
  move.id = message_.id;
  move.source = {"INBOX", model_.validity, 1, message_.message_id, message_.size};
  move.mailbox = "Other";
  pending.add({.add = {move}});
  std::vector<sync::TreeChange> told;
  const auto follow = [&] {
    told.clear();
    sync::syncMailbox(session_, {*cache_, *ids_, names_, &pending}, id_,
                      [&](const sync::TreeChange& change) { told.push_back(change); });
  };
  model_.setFlags(1, Flags({"\\Deleted"}));
  follow();
  expectTold(told);
  model_.setFlags(1, Flags({"\\Flagged"}));
  follow();
  const auto snapshot = cache_->snapshot();
  const auto found = snapshot->find(other_, message_.name);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->node, message_.id.value);
  EXPECT_FALSE(snapshot->find(id_, message_.name));
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told.front().directory, other_);
  EXPECT_EQ(told.front().added, std::vector{message_.name});
}

// Whatever happens to messages that are shown where they are, shown elsewhere, or hidden: each name
// that comes or goes anywhere is told.
TEST_P(SyncElsewhereTest, NoNameGoesOrComesUntold) {
  using Entry = std::tuple<MailboxId, std::string, uint64_t>;  // directory, name, node
  const auto entries = [&] {
    std::set<Entry> all;
    const auto snapshot = cache_->snapshot();
    snapshot->messages(id_, 0, [&](const store::MessageRecord& message) {
      if (const auto directory = store::shownIn(message)) {
        all.emplace(*directory, message.name, message.id.value);
        EXPECT_EQ(snapshot->find(*directory, message.name)->node, message.id.value);
      }
      return true;
    });
    return all;
  };
  const auto journal = store::Journal::open(directory_.path() + "/state");
  sync::Pending pending(*journal);
  for (unsigned seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    for (int round = 0; round < 20; ++round) {
      moveSome(pending, random);
      const auto before = entries();
      for (auto steps = random() % 12; steps > 0; --steps) {
        change(model_, random);
        const auto any = model_.messages.lower_bound(random() % model_.uid_next);
        if (any != model_.messages.end())
          model_.setFlags(any->first, random() % 2 == 0 ? Flags({"\\Deleted"}) : Flags());
      }
      std::set<Entry> told;
      sync::syncMailbox(session_, {*cache_, *ids_, names_, &pending}, id_,
                        [&](const sync::TreeChange& change) {
                          for (const auto& gone : change.removed)
                            told.emplace(change.directory, gone.name, gone.node);
                          for (const auto& name : change.added)
                            told.emplace(change.directory, name, 0);
                        });
      const auto after = entries();
      for (const auto& [directory, name, node] : before)
        EXPECT_TRUE(after.contains({directory, name, node}) ||
                    told.contains({directory, name, node}))
            << name << " went from " << directory.value << " untold";
      for (const auto& [directory, name, node] : after)
        EXPECT_TRUE(before.contains({directory, name, node}) || told.contains({directory, name, 0}))
            << name << " came to " << directory.value << " untold";
    }
  }
}

TEST_P(SyncElsewhereTest, ItsMailboxIsReplaced) {
  model_.replace();
  model_.append();
  expectTold(refresh());
}

TEST_P(SyncElsewhereTest, ItsMailboxIsRemoved) {
  ModelSession fresh(model_, GetParam());
  fresh.listing = {session_.listing.back()};
  std::vector<sync::TreeChange> told;
  const auto tell = [&](const sync::TreeChange& change) { told.push_back(change); };
  while (cache_->snapshot()->mailbox(id_) && told.empty())
    sync::refreshTree(fresh, fresh.namespaces(), store(), doubts_, tell);
  expectTold(told);
}

// It has no UID.
TEST_P(SyncElsewhereTest, ADraftGoesWithItsMailbox) {
  ModelSession fresh(model_, GetParam());
  fresh.listing = session_.listing;
  fresh.listing.back().wire = "Other/Sub";
  fresh.listing.push_back(session_.listing.back());
  std::vector<sync::TreeChange> told;
  const auto tell = [&](const sync::TreeChange& change) { told.push_back(change); };
  const auto follow = [&] { sync::refreshTree(fresh, fresh.namespaces(), store(), doubts_, tell); };
  follow();
  message_.id = MessageId{ids_->next()};
  message_.mailbox = other_;
  message_.uid = 0;
  message_.name = "draft.eml";
  const auto update = cache_->begin();
  update->putMessage(message_);
  update->commit();
  changed_ = cache_->snapshot()->mailbox(other_)->changed;
  fresh.listing.pop_back();
  told.clear();
  for (int i = 0; i < 3 && cache_->snapshot()->mailbox(other_)->selectable; ++i) follow();
  EXPECT_FALSE(cache_->snapshot()->mailbox(other_)->selectable);
  expectTold(told);
}

INSTANTIATE_TEST_SUITE_P(Servers, SyncElsewhereTest, testing::Values(kPlain, kCondstore, kQresync),
                         serverName);

}  // namespace
}  // namespace emlfs
