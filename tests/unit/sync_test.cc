// The strategies of src/sync against a model of a mailbox: whatever happened on the server, and
// wherever the connection broke, the store ends up as a full rescan would have it.
#include <gtest/gtest.h>

#include <random>

#include "emlfs/base/error.h"
#include "emlfs/sync/sync.h"
#include "support/model_session.h"
#include "support/scratch_dir.h"
#include "sync/strategy.h"

namespace emlfs {
namespace {

using test::ModelMailbox;
using test::ModelSession;
using Capabilities = std::set<std::string>;

const Capabilities kPlain{};
const Capabilities kCondstore{"CONDSTORE"};
const Capabilities kQresync{"CONDSTORE", "QRESYNC"};

class StoreTest : public testing::Test {
 protected:
  StoreTest()
      : cache_(store::Cache::open(directory_.path() + "/cache")),
        ids_(store::IdSource::open(directory_.path() + "/state")) {}

  sync::Store store() { return {*cache_, *ids_, names_}; }

  MailboxId mailbox(ModelSession& session) {
    ListEntry inbox;
    inbox.wire = "INBOX";
    inbox.delimiter = '/';
    session.listing = {inbox};
    sync::refreshTree(session, session.namespaces(), store(), doubts_, ignore_);
    return MailboxId{cache_->snapshot()->find(kRoot, "INBOX")->node};
  }

  // Every message of the model is in the store as it is in the model, and nothing else is.
  void expectSame(const ModelMailbox& model, MailboxId id) {
    std::map<Uid, Flags> stored;
    const auto snapshot = cache_->snapshot();
    snapshot->messages(id, 0, [&](const store::MessageRecord& message) {
      stored.emplace(message.uid, message.flags);
      EXPECT_EQ(snapshot->find(id, message.name)->node, message.id.value);
      return true;
    });
    std::map<Uid, Flags> expected;
    for (const auto& [uid, message] : model.messages) expected.emplace(uid, message.flags);
    EXPECT_EQ(stored, expected);
    EXPECT_EQ(snapshot->mailbox(id)->state.messages, model.messages.size());
    EXPECT_TRUE(snapshot->mailbox(id)->state.complete);
  }

  test::ScratchDir directory_;
  std::unique_ptr<store::Cache> cache_;
  std::unique_ptr<store::IdSource> ids_;
  view::NameFormat names_;
  sync::OnChange ignore_ = [](const sync::TreeChange&) {};
  sync::Doubts doubts_;
};

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

std::string serverName(const testing::TestParamInfo<Capabilities>& server) {
  return server.param.empty() ? "Plain" : server.param.size() == 1 ? "Condstore" : "Qresync";
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

class TreeTest : public StoreTest {
 protected:
  static ListEntry entry(const std::string& wire, bool selectable = true) {
    ListEntry made;
    made.wire = wire;
    made.delimiter = '/';
    made.selectable = selectable;
    return made;
  }
  std::vector<std::string> tree(MailboxId directory = kRoot, const std::string& above = "") {
    std::vector<std::string> paths;
    cache_->snapshot()->subdirectories(directory, 0, [&](const store::MailboxRecord& record) {
      paths.push_back(above + record.name);
      const auto below = tree(record.id, above + record.name + "/");
      paths.insert(paths.end(), below.begin(), below.end());
      return true;
    });
    std::sort(paths.begin(), paths.end());
    return paths;
  }
  std::vector<std::string> after(const std::vector<ListEntry>& listing) {
    ModelSession session(model_, {});
    session.listing = listing;
    sync::refreshTree(session, session.namespaces(), store(), doubts_, ignore_);
    return tree();
  }
  ModelMailbox model_;
};

TEST_F(TreeTest, FollowsTheList) {
  using Paths = std::vector<std::string>;
  EXPECT_EQ(after({entry("INBOX"), entry("a/b/c")}), (Paths{"INBOX", "a", "a/b", "a/b/c"}));
  const auto deep = cache_->snapshot()->find(kRoot, "a")->node;
  // A level that becomes a mailbox stays the directory that it was.
  EXPECT_EQ(after({entry("INBOX"), entry("a"), entry("a/b/c")}),
            (Paths{"INBOX", "a", "a/b", "a/b/c"}));
  EXPECT_EQ(cache_->snapshot()->find(kRoot, "a")->node, deep);
  EXPECT_TRUE(cache_->snapshot()->mailbox(MailboxId{deep})->selectable);
  EXPECT_EQ(after({entry("INBOX"), entry("a/x", false)}), (Paths{"INBOX", "a", "a/x"}));
  EXPECT_FALSE(cache_->snapshot()->mailbox(MailboxId{deep})->selectable);
  EXPECT_EQ(after({entry("INBOX")}), Paths{"INBOX"});
  EXPECT_EQ(after({}), Paths{});
}

// Two names of the server that fall on one path: the one that was there first may have to give way.
TEST_F(TreeTest, ANewMailboxTakesAKnownOnesPath) {
  after({entry("INBOX"), entry("inbox/x")});
  const auto known =
      cache_->snapshot()->find(MailboxId{cache_->snapshot()->find(kRoot, "INBOX")->node}, "x");
  const auto paths = after({entry("INBOX"), entry("INBOX/x"), entry("inbox/x")});
  ASSERT_EQ(paths.size(), 3U);
  EXPECT_EQ(paths[1], "INBOX/x");
  EXPECT_TRUE(paths[2].starts_with("INBOX/x~")) << paths[2];
  const auto inbox = MailboxId{cache_->snapshot()->find(kRoot, "INBOX")->node};
  EXPECT_EQ(cache_->snapshot()->find(inbox, paths[2].substr(6))->node, known->node);
}

// A mailbox whose state the server doesn't tell is no reason to know nothing of the others.
TEST_F(TreeTest, ARefusedStatusIsPassedOver) {
  model_.append();
  ModelSession session(model_, {});
  const auto id = mailbox(session);
  sync::syncMailbox(session, store(), id, ignore_);
  session.status_refused = true;
  session.listing.push_back(entry("new"));
  EXPECT_TRUE(sync::refreshTree(session, session.namespaces(), store(), doubts_, ignore_).empty());
  EXPECT_EQ(tree(), (std::vector<std::string>{"INBOX", "new"}));
}

// A connection whose list is broken (Dovecot 2.3 after many renames) must not empty the tree.
TEST_F(TreeTest, WhatTheServerKnowsAndDoesNotListIsDoubtedOnce) {
  using Paths = std::vector<std::string>;
  std::vector<ListEntry> all{entry("INBOX")};
  for (int i = 0; i < 40; ++i) all.push_back(entry("m" + std::to_string(i)));
  EXPECT_EQ(after(all).size(), all.size());
  const auto asked = [&](const std::vector<ListEntry>& listing,
                         const std::set<std::string>& known) {
    ModelSession session(model_, {});
    session.listing = listing;
    session.unlisted = known;
    try {
      sync::refreshTree(session, session.namespaces(), store(), doubts_, ignore_);
    } catch (const Error& error) {
      EXPECT_EQ(error.code, Code::stale);
      EXPECT_EQ(error.scope, Scope::connection);
      return false;
    }
    return true;
  };
  std::set<std::string> names;
  for (const auto& each : all) names.insert(each.wire);
  // Two that fail alike, but not one after the other.
  EXPECT_FALSE(asked({entry("INBOX")}, names));
  EXPECT_EQ(tree().size(), all.size());
  EXPECT_TRUE(asked(all, {}));
  EXPECT_FALSE(asked({entry("INBOX")}, names));
  EXPECT_EQ(tree().size(), all.size());
  // As a name alone it would lose its messages.
  EXPECT_TRUE(asked(all, {}));
  auto hollow = all;
  hollow[1].selectable = false;
  EXPECT_FALSE(asked(hollow, names));
  const MailboxId first{cache_->snapshot()->find(kRoot, "m0")->node};
  EXPECT_TRUE(cache_->snapshot()->mailbox(first)->selectable);
  EXPECT_TRUE(asked(all, {}));
  EXPECT_FALSE(asked({entry("INBOX")}, names));
  // Nobody may see it any more, but all may ask about it: then it is so on every connection.
  EXPECT_TRUE(asked({entry("INBOX")}, names));
  EXPECT_EQ(tree(), Paths{"INBOX"});
}

// Lists of a server that has not heard of its own changes: one more try, on another connection.
TEST_F(TreeTest, AMailboxOfWhichTheServerKnowsNothingIsDoubtedOnce) {
  const auto with_status = [](const char* wire) {
    auto made = entry(wire);
    made.status = MailboxStatus{};
    return made;
  };
  using Paths = std::vector<std::string>;
  EXPECT_EQ(after({with_status("INBOX"), entry("locked")}), (Paths{"INBOX", "locked"}));
  const std::vector<ListEntry> doubtful{with_status("INBOX"), entry("gone"), entry("locked")};
  try {
    after(doubtful);
    FAIL() << "it was believed";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, Code::stale);
    EXPECT_EQ(error.scope, Scope::connection);
  }
  EXPECT_EQ(tree(), (Paths{"INBOX", "locked"}));
  EXPECT_EQ(after(doubtful), (Paths{"INBOX", "gone", "locked"}));
  EXPECT_EQ(after(doubtful), (Paths{"INBOX", "gone", "locked"}));
}

TEST_F(TreeTest, StatusesMayBeNamedInUtf8) {
  const auto listed = entry("Entw&APw-rfe");
  after({listed});
  const auto id = cache_->snapshot()->find(kRoot, "Entwürfe")->node;
  {
    const auto update = cache_->begin();
    auto record = *update->mailbox(MailboxId{id});
    record.state.complete = true;
    update->putMailbox(record);
    update->commit();
  }
  for (const char* name : {"Entwürfe", "Entw&APw-rfe"})
    EXPECT_EQ(sync::staleMailboxes(store(), {{name, MailboxStatus{.messages = 1}}}),
              std::vector{MailboxId{id}})
        << name;
  EXPECT_TRUE(sync::staleMailboxes(store(), {{"Entwurf", MailboxStatus{.messages = 1}}}).empty());
}

// Where a mailbox and a message would have one name, the mailbox has it.
TEST_F(TreeTest, AMailboxTakesAMessagesName) {
  model_.append();
  ModelSession session(model_, {});
  const auto id = mailbox(session);
  sync::syncMailbox(session, store(), id, ignore_);
  std::string name;
  cache_->snapshot()->messages(id, 0, [&](const store::MessageRecord& message) {
    name = message.name;
    return false;
  });
  after({entry("INBOX"), entry("INBOX/" + name)});
  EXPECT_TRUE(isDirectory(cache_->snapshot()->find(id, name)->node));
  const auto message = cache_->snapshot()->message(*cache_->snapshot()->byUid(id, 1));
  EXPECT_EQ(message->name, view::alternativeName(name, 1));
}

}  // namespace
}  // namespace emlfs
