// The strategies of src/sync against a model of a mailbox: whatever happened on the server, and
// wherever the connection broke, the store ends up as a full rescan would have it.
#include <random>

#include "sync/strategy.h"
#include "unit/sync_servers.h"

namespace emlfs {
namespace {

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

INSTANTIATE_TEST_SUITE_P(Servers, SyncTest, testing::Values(kPlain, kCondstore, kQresync),
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
