// The strategies of src/sync against a model of a mailbox: whatever happened on the server, and
// wherever the connection broke, the store ends up as a full rescan would have it.
#include <random>

#include "emlfs/sync/pending.h"
#include "sync/strategy.h"
#include "unit/sync_fixture.h"

namespace emlfs {
namespace {

using Capabilities = std::set<std::string>;

const Capabilities kPlain{};
const Capabilities kCondstore{"CONDSTORE"};
const Capabilities kQresync{"CONDSTORE", "QRESYNC"};

class SyncTest : public StoreTest, public testing::WithParamInterface<Capabilities> {};

void change(ModelMailbox& model, std::mt19937& random) {
  const auto any = [&] {
    return std::next(model.messages.begin(), static_cast<long>(random() % model.messages.size()))
        ->first;
  };
  switch (random() % 8) {
    case 0:
    case 1:
    case 2:
      model.append();
      break;
    case 3:
    case 4:
      if (!model.messages.empty()) model.setFlags(any(), Flags({"\\Seen", "$Work"}));
      break;
    case 5:
    case 6:
      if (!model.messages.empty()) model.expunge(any());
      break;
    default:
      if (random() % 16 == 0) model.replace();
  }
}

TEST_P(SyncTest, FollowsAnyHistory) {
  for (unsigned seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    ModelMailbox model;
    ModelSession session(model, GetParam());
    const auto id = mailbox(session);
    for (int round = 0; round < 12; ++round) {
      for (auto steps = random() % 20; steps > 0; --steps) change(model, random);
      sync::syncMailbox(session, store(), id, ignore_);
      expectSame(model, id);
    }
    model.replace();
    sync::syncMailbox(session, store(), id, ignore_);
  }
}

TEST_P(SyncTest, GoesOnWhereTheConnectionBroke) {
  for (unsigned seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    ModelMailbox model;
    ModelSession session(model, GetParam());
    const auto id = mailbox(session);
    for (int round = 0; round < 12; ++round) {
      for (auto steps = random() % 20; steps > 0; --steps) change(model, random);
      session.failAfter(1 + random() % 4);
      try {
        sync::syncMailbox(session, store(), id, ignore_);
      } catch (const Error& error) {
        EXPECT_EQ(error.code, Code::network);
      }
      session.failAfter(0);
    }
    sync::syncMailbox(session, store(), id, ignore_);
    expectSame(model, id);
    model.replace();
    sync::syncMailbox(session, store(), id, ignore_);
  }
}

// The first listing is readable step by step, and what was committed is not asked for again.
TEST_P(SyncTest, AFirstListingComesInSteps) {
  ModelMailbox model;
  for (int i = 0; i < 9'000; ++i) model.append();
  ModelSession session(model, GetParam());
  const auto id = mailbox(session);
  session.failAfter(4);
  EXPECT_THROW(sync::syncMailbox(session, store(), id, ignore_), Error);
  const auto half = cache_->snapshot()->mailbox(id)->state;
  EXPECT_FALSE(half.complete);
  EXPECT_GT(half.listed_to, 0U);
  EXPECT_LT(half.listed_to, 9'000U);
  EXPECT_EQ(half.messages, half.listed_to);

  session.failAfter(0);
  uint64_t first_id = 0;
  cache_->snapshot()->messages(id, 0, [&](const store::MessageRecord& message) {
    first_id = message.id.value;
    return false;
  });
  sync::syncMailbox(session, store(), id, ignore_);
  expectSame(model, id);
  EXPECT_EQ(cache_->snapshot()->byUid(id, 1)->value, first_id);
}

// UIDs a million apart cost no more commands than UIDs that follow each other.
TEST_P(SyncTest, SparseUids) {
  ModelMailbox model;
  for (int i = 0; i < 300; ++i) {
    model.uid_next += 10'000'000;
    model.append();
  }
  ModelSession session(model, GetParam());
  const auto id = mailbox(session);
  session.failAfter(40);
  sync::syncMailbox(session, store(), id, ignore_);
  session.failAfter(0);
  expectSame(model, id);
}

TEST_P(SyncTest, TellsWhatChanged) {
  ModelMailbox model;
  const auto kept = model.append();
  const auto lost = model.append();
  ModelSession session(model, GetParam());
  const auto id = mailbox(session);
  sync::syncMailbox(session, store(), id, ignore_);
  const auto lost_id = cache_->snapshot()->byUid(id, lost)->value;

  model.expunge(lost);
  model.setFlags(kept, Flags({"\\Flagged"}));
  const auto added = model.append();
  std::vector<std::string> names;
  std::vector<uint64_t> removed;
  sync::syncMailbox(session, store(), id, [&](const sync::TreeChange& change) {
    EXPECT_EQ(change.directory, id);
    EXPECT_TRUE(change.entries);
    names.insert(names.end(), change.added.begin(), change.added.end());
    for (const auto& gone : change.removed) removed.push_back(gone.node);
  });
  EXPECT_EQ(removed, std::vector<uint64_t>{lost_id});
  const auto message = cache_->snapshot()->message(*cache_->snapshot()->byUid(id, added));
  EXPECT_EQ(names, std::vector<std::string>{message->name});
}

// On their way into another mailbox, as a person sees it, and the server doesn't know that yet.
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

// One message that nobody can read doesn't hide the others, and is there by its UID.
TEST_P(SyncTest, AnUnreadableMessageHidesNoOther) {
  ModelMailbox model;
  for (int i = 0; i < 9; ++i) model.append();
  ModelSession session(model, GetParam());
  session.unreadable = {4};
  const auto id = mailbox(session);
  sync::syncMailbox(session, store(), id, ignore_);
  expectSame(model, id);
  EXPECT_EQ(cache_->snapshot()->message(*cache_->snapshot()->byUid(id, 4))->size, 1U);
}

// A server that says OK and nothing else has not told us that the mailbox is empty.
TEST_P(SyncTest, AnAnswerWithoutDataIsNoListing) {
  ModelMailbox model;
  for (int i = 0; i < 9; ++i) model.append();
  ModelSession session(model, GetParam());
  const auto id = mailbox(session);
  session.metadata_missing = true;
  EXPECT_THROW(sync::syncMailbox(session, store(), id, ignore_), Error);
  EXPECT_FALSE(cache_->snapshot()->mailbox(id)->state.complete);
  session.metadata_missing = false;
  sync::syncMailbox(session, store(), id, ignore_);
  expectSame(model, id);

  const auto kept = cache_->snapshot()->byUid(id, 3);
  session.flags_missing = true;
  session.validity_missing = true;
  model.setFlags(2, Flags({"\\Seen"}));
  sync::syncMailbox(session, store(), id, ignore_);
  EXPECT_EQ(cache_->snapshot()->byUid(id, 3), kept);
}

// The kernel has cached that nothing is in it, and which names it lacks.
TEST_P(SyncTest, AnEmptyMailboxIsReplacedByAFullOne) {
  ModelMailbox model;
  ModelSession session(model, GetParam());
  const auto id = mailbox(session);
  sync::syncMailbox(session, store(), id, ignore_);
  const auto before = cache_->snapshot()->mailbox(id)->changed;
  model.replace();
  const auto uid = model.append();
  bool emptied = false;
  std::vector<std::string> names;
  sync::syncMailbox(session, store(), id, [&](const sync::TreeChange& change) {
    EXPECT_TRUE(change.entries);
    emptied |= change.added.empty();
    names.insert(names.end(), change.added.begin(), change.added.end());
  });
  expectSame(model, id);
  EXPECT_TRUE(emptied) << "whoever looks meanwhile has to wait for what is in it";
  const auto message = cache_->snapshot()->message(*cache_->snapshot()->byUid(id, uid));
  EXPECT_EQ(names, std::vector<std::string>{message->name});
  EXPECT_GT(cache_->snapshot()->mailbox(id)->changed, before);
}

TEST_P(SyncTest, AReplacedMailboxIsAskedForUntilItIsListed) {
  ModelMailbox model;
  ModelSession session(model, GetParam());
  const auto id = mailbox(session);
  sync::syncMailbox(session, store(), id, ignore_);
  model.replace();
  model.append();
  session.failAfter(2);
  EXPECT_THROW(sync::syncMailbox(session, store(), id, ignore_), Error);
  session.failAfter(0);
  EXPECT_EQ(cache_->snapshot()->mailbox(id)->state.listed_to, 0U);
  EXPECT_EQ(sync::refreshTree(session, session.namespaces(), store(), doubts_, ignore_),
            std::vector{id});
}

// Some servers say so when they fail. What they tell the end of is believed.
TEST_P(SyncTest, AMailboxThatIsEmptyAllAtOnceIsDoubtedOnce) {
  ModelMailbox model;
  const auto uid = model.append();
  ModelSession session(model, GetParam());
  const auto id = mailbox(session);
  sync::syncMailbox(session, store(), id, ignore_);
  const ModelMailbox whole = model;
  model.messages.clear();
  try {
    sync::syncMailbox(session, store(), id, ignore_, false);
    FAIL() << "it was believed";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, Code::stale);
    EXPECT_EQ(error.scope, Scope::connection);
  }
  expectSame(whole, id);
  sync::syncMailbox(session, store(), id, ignore_, true);
  expectSame(model, id);
  if (GetParam() != kQresync) return;
  model = whole;
  model.append();
  sync::syncMailbox(session, store(), id, ignore_);
  for (const Uid each : {uid, uid + 1}) model.expunge(each);
  sync::syncMailbox(session, store(), id, ignore_, false);
  expectSame(model, id);
}

std::string serverName(const testing::TestParamInfo<Capabilities>& server) {
  return server.param.empty() ? "Plain" : server.param.size() == 1 ? "Condstore" : "Qresync";
}

INSTANTIATE_TEST_SUITE_P(Servers, SyncTest, testing::Values(kPlain, kCondstore, kQresync),
                         serverName);
INSTANTIATE_TEST_SUITE_P(Servers, SyncElsewhereTest, testing::Values(kPlain, kCondstore, kQresync),
                         serverName);

TEST(Strategy, IsTheBestThatTheServerHas) {
  imap::Selected now;
  now.highest_modseq = 10;
  now.messages = 3;
  now.uid_next = 4;
  SyncState known;
  EXPECT_EQ(sync::choose(now, known, false), sync::Strategy::first);
  known = {1, 4, 10, 3, 3, true};
  EXPECT_EQ(sync::choose(now, known, true), sync::Strategy::qresync);
  EXPECT_EQ(sync::choose(now, known, false), sync::Strategy::unchanged);
  now.highest_modseq = 11;
  EXPECT_EQ(sync::choose(now, known, false), sync::Strategy::condstore);
  now.highest_modseq = 9;  // it can't go back
  EXPECT_EQ(sync::choose(now, known, true), sync::Strategy::plain);
  now.highest_modseq = 0;
  EXPECT_EQ(sync::choose(now, known, false), sync::Strategy::plain);
}

}  // namespace
}  // namespace emlfs
