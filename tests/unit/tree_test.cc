// The directories follow the list of mailboxes, as far as that is to be believed.
#include <algorithm>

#include "emlfs/store/journal.h"
#include "emlfs/sync/mailbox_change.h"
#include "support/cache_samples.h"
#include "unit/sync_fixture.h"

namespace emlfs {
namespace {

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
  session.status_error = Code::refused;
  session.listing.push_back(entry("new"));
  EXPECT_TRUE(sync::refreshTree(session, session.namespaces(), store(), doubts_, ignore_).empty());
  EXPECT_EQ(tree(), (std::vector<std::string>{"INBOX", "new"}));
}

// A connection whose list is broken (Dovecot 2.3 after many renames) must not empty the tree.
TEST_F(TreeTest, WhatTheServerKnowsAndDoesNotListIsDoubtedAndStays) {
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
  // The list is broken on the server's disk: it is so on every connection.
  EXPECT_FALSE(asked({entry("INBOX")}, names));
  EXPECT_TRUE(asked({entry("INBOX")}, names));
  EXPECT_EQ(tree().size(), all.size());
  asked(hollow, names);
  EXPECT_TRUE(asked(hollow, names));
  EXPECT_TRUE(cache_->snapshot()->mailbox(first)->selectable);
  // Those that are gone go at once.
  EXPECT_TRUE(asked({entry("INBOX")}, {}));
  EXPECT_EQ(tree(), Paths{"INBOX"});
}

// That the server can't tell what is with a mailbox is not that it is gone; that nobody may see it
// is as good.
TEST_F(TreeTest, OnlyWhatIsGoneOrForbiddenGoes) {
  using Paths = std::vector<std::string>;
  after({entry("INBOX"), entry("a")});
  const auto looksLeft = [&](Code code) {
    ModelSession session(model_, {});
    session.listing = {entry("INBOX")};
    session.status_error = code;
    unsigned looks = 0;
    for (; looks < 3 && tree().size() == 2; ++looks) {
      try {
        sync::refreshTree(session, session.namespaces(), store(), doubts_, ignore_);
      } catch (const Error& error) {
        EXPECT_EQ(error.code, Code::stale);
      }
    }
    return looks;
  };
  for (const Code code : {Code::refused, Code::busy, Code::protocol}) {
    EXPECT_EQ(looksLeft(code), 3U) << name(code);
    EXPECT_EQ(tree(), (Paths{"INBOX", "a"})) << name(code);
    after({entry("INBOX"), entry("a")});
  }
  EXPECT_EQ(looksLeft(Code::denied), 2U);
  EXPECT_EQ(tree(), Paths{"INBOX"});
}

// The answer was lost, and another client has made a mailbox of the old name.
TEST_F(TreeTest, ARenameIsFoundOutBeforeBothNamesAreBelieved) {
  using Paths = std::vector<std::string>;
  const auto journal = store::Journal::open(directory_.path() + "/journal");
  sync::Pending pending(*journal);
  auto with_changes = store();
  with_changes.pending = &pending;
  after({entry("INBOX"), entry("A")});
  const auto ours = cache_->snapshot()->find(kRoot, "A")->node;
  sync::renameMailbox(with_changes, MailboxId{ours}, kRoot, "B", ignore_);
  auto change = pending.mailboxChanges().front();
  change.state = store::Change::State::begun;
  pending.step(change);
  ModelSession session(model_, {});
  session.listing = {entry("A"), entry("B"), entry("INBOX"), entry("new")};
  const auto look = [&] {
    sync::refreshTree(session, session.namespaces(), with_changes, doubts_, ignore_);
    return doubts_.awaitsRename();
  };
  EXPECT_TRUE(look());
  EXPECT_EQ(cache_->snapshot()->mailbox(MailboxId{ours})->wire, "A");
  EXPECT_EQ(tree(), (Paths{"B", "INBOX"}));
  unsigned looks = 1;
  while (looks < 100 && look()) ++looks;
  EXPECT_LT(looks, 20U) << "who sends it may never come";
  EXPECT_FALSE(look());
  EXPECT_TRUE(cache_->snapshot()->find(kRoot, "new"));
  pending.drop({change});
  look();
  EXPECT_EQ(doubts_.renames, 0U);
}

// A list of the moment in which the server renames has neither name, or not all.
TEST_F(TreeTest, AListWithNeitherNameOfARenameIsNotBelieved) {
  const auto journal = store::Journal::open(directory_.path() + "/journal");
  sync::Pending pending(*journal);
  auto with_changes = store();
  with_changes.pending = &pending;
  after({entry("INBOX"), entry("A"), entry("A/below")});
  const MailboxId ours{cache_->snapshot()->find(kRoot, "A")->node};
  const MailboxId below{cache_->snapshot()->find(ours, "below")->node};
  sync::renameMailbox(with_changes, ours, kRoot, "B", ignore_);
  auto change = pending.mailboxChanges().front();
  change.state = store::Change::State::begun;
  pending.step(change);
  ModelSession session(model_, {});
  for (const auto& listing :
       {std::vector{entry("INBOX")}, std::vector{entry("INBOX"), entry("B")}}) {
    session.listing = listing;
    sync::refreshTree(session, session.namespaces(), with_changes, doubts_, ignore_);
    EXPECT_TRUE(doubts_.awaitsRename());
    EXPECT_EQ(tree(), (std::vector<std::string>{"B", "B/below", "INBOX"}));
    EXPECT_EQ(cache_->snapshot()->find(ours, "below")->node, below.value);
  }
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

// Its record goes with the next list.
TEST_F(TreeTest, AMailboxThatWeHaveJustRemovedIsNotAskedFor) {
  after({entry("INBOX"), entry("a")});
  {
    const auto update = cache_->begin();
    auto record = *update->mailbox(MailboxId{update->find(kRoot, "a")->node});
    record.hidden = true;
    record.wire.clear();
    update->putMailbox(record);
    update->commit();
  }
  EXPECT_EQ(after({entry("INBOX")}), std::vector<std::string>{"INBOX"});
  EXPECT_EQ(cache_->snapshot()->mailboxes().size(), 2U) << "the root and INBOX";
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

// A file that is being written has no UID.
TEST_F(TreeTest, AMailboxTakesADraftsNameAndTheDraftIsSeen) {
  ModelSession session(model_, {});
  const auto id = mailbox(session);
  auto draft = test::sampleMessage(900, id, 0);
  draft.shown = store::Shown::arrived;
  draft.directory = id;
  draft.name = "x.eml";
  const auto update = cache_->begin();
  update->putMessage(draft);
  update->commit();
  after({entry("INBOX"), entry("INBOX/x.eml")});
  const auto snapshot = cache_->snapshot();
  EXPECT_TRUE(isDirectory(snapshot->find(id, "x.eml")->node));
  const auto now = snapshot->find(id, view::alternativeName("x.eml", 1));
  ASSERT_TRUE(now);
  EXPECT_EQ(now->node, draft.id.value);
}

}  // namespace
}  // namespace emlfs
