// Mailboxes that the option `mailboxes` leaves out: nothing of them is seen, kept or asked for, and
// nothing that was pending in them is lost.
#include <gmock/gmock.h>

#include <algorithm>

#include "emlfs/store/journal.h"
#include "emlfs/sync/change.h"
#include "emlfs/sync/mailbox_change.h"
#include "support/cache_samples.h"
#include "sync/tree_update.h"
#include "unit/sync_fixture.h"

namespace emlfs::sync {
namespace {

using store::Change;
using testing::ElementsAre;
using testing::IsEmpty;
using Patterns = std::vector<std::string>;

class LeftOutTest : public StoreTest {
 protected:
  static ListEntry entry(const std::string& wire, const std::string& special_use = {}) {
    ListEntry made;
    made.wire = wire;
    made.delimiter = '/';
    made.special_use = special_use;
    return made;
  }
  Store store() {
    Store made = StoreTest::store();
    made.pending = &pending_;
    made.mailboxes = patterns_;
    return made;
  }
  // As a mount begins that shows these.
  void remount(const Patterns& patterns) {
    patterns_ = patterns;
    showPending(store());
  }
  std::vector<MailboxId> refresh(bool status_too = false) {
    ModelSession session(model_, {});
    session.listing = listing_;
    for (auto& each : session.listing)
      if (status_too) each.status = session.status(each.wire);
    return refreshTree(session, session.namespaces(), store(), doubts_, ignore_);
  }
  void list(const std::string& path) {
    ModelSession session(model_, {});
    session.listing = listing_;
    syncMailbox(session, store(), at(path), ignore_);
  }
  std::vector<std::string> tree(MailboxId directory = kRoot, const std::string& above = "") const {
    std::vector<std::string> paths;
    const auto snapshot = cache_->snapshot();
    snapshot->subdirectories(directory, 0, [&](const store::MailboxRecord& record) {
      EXPECT_EQ(snapshot->find(directory, record.name).value().node, record.id.value);
      paths.push_back(above + record.name);
      const auto below = tree(record.id, above + record.name + "/");
      paths.insert(paths.end(), below.begin(), below.end());
      return true;
    });
    std::sort(paths.begin(), paths.end());
    return paths;
  }
  MailboxId at(const std::string& path) const {
    MailboxId found = kRoot;
    for (size_t begin = 0; begin <= path.size();) {
      const size_t end = std::min(path.find('/', begin), path.size());
      found =
          MailboxId{cache_->snapshot()->find(found, path.substr(begin, end - begin)).value().node};
      begin = end + 1;
    }
    return found;
  }
  store::MailboxRecord called(const std::string& wire) const {
    for (const auto& record : cache_->snapshot()->mailboxes())
      if (record.wire == wire) return record;
    throw std::out_of_range("the store has no " + wire);
  }
  uint64_t messagesOf(const std::string& wire) const {
    uint64_t count = 0;
    cache_->snapshot()->messages(called(wire).id, 0, [&](const auto&) { return ++count, true; });
    return count;
  }
  MessageId firstOf(const std::string& wire) const {
    return cache_->snapshot()->byUid(called(wire).id, 1).value();
  }
  static Code codeOf(const std::function<void()>& act) {
    try {
      act();
    } catch (const Error& error) {
      return error.code;
    }
    ADD_FAILURE() << "it was allowed";
    return Code::system;
  }

  ModelMailbox model_;
  std::vector<ListEntry> listing_{
      entry("INBOX"), entry("Lists"), entry("Lists/a"), entry("Lists/b"), entry("Trash", "\\Trash"),
      entry("Work")};
  const std::unique_ptr<store::Journal> journal_ =
      store::Journal::open(directory_.path() + "/state");
  Pending pending_{*journal_};
  Patterns patterns_;
};

TEST_F(LeftOutTest, OnlyWhatIsChosenIsThere) {
  patterns_ = {"inbox", "Lists/a"};
  refresh();
  EXPECT_THAT(tree(), ElementsAre("INBOX", "Lists", "Lists/a"));
  // A level, whatever the server has there.
  EXPECT_FALSE(cache_->snapshot()->mailbox(at("Lists"))->selectable);
  EXPECT_TRUE(called("Lists").hidden);
}

TEST_F(LeftOutTest, NothingIsAskedAboutTheOthers) {
  model_.append();
  refresh();
  list("Work");
  list("INBOX");
  remount({"!Work"});
  // Neither with LIST-STATUS, which tells of all, nor without: one STATUS each.
  EXPECT_THAT(refresh(), IsEmpty());
  model_.append();
  EXPECT_THAT(refresh(true), ElementsAre(at("INBOX")));
  EXPECT_THAT(staleMailboxes(store(), {{"Work", {}}}), IsEmpty());
  // LIST-STATUS without the status of one that is left out is nothing to wonder at.
  ModelSession session(model_, {});
  session.listing = listing_;
  for (auto& each : session.listing)
    if (each.wire != "Work") each.status = session.status(each.wire);
  EXPECT_NO_THROW(refreshTree(session, session.namespaces(), store(), doubts_, ignore_));
}

TEST_F(LeftOutTest, OneThatIsGoneIsNotDoubted) {
  patterns_ = {"!Work"};
  refresh();
  std::erase_if(listing_, [](const auto& each) { return each.wire == "Work"; });
  ModelSession session(model_, {});
  session.listing = listing_;
  session.status_error = Code::system;  // whoever asks
  refreshTree(session, session.namespaces(), store(), doubts_, ignore_);
  EXPECT_THROW(called("Work"), std::out_of_range);
}

TEST_F(LeftOutTest, PatternsChangeBothWaysAndOffline) {
  model_.append();
  model_.append();
  refresh();
  list("Lists");
  list("Lists/a");
  list("Work");
  const auto all = tree();
  const auto work = at("Work");
  remount({"*", "!Lists", "Lists/*", "!Work"});
  EXPECT_THAT(tree(), ElementsAre("INBOX", "Lists", "Lists/a", "Lists/b", "Trash"));
  EXPECT_EQ(messagesOf("Work"), 0U);
  EXPECT_EQ(messagesOf("Lists/a"), 2U);
  EXPECT_TRUE(called("Lists/a").state.complete);
  refresh();
  EXPECT_THAT(tree(), ElementsAre("INBOX", "Lists", "Lists/a", "Lists/b", "Trash"));
  remount({"Work"});
  EXPECT_THAT(tree(), ElementsAre("Work"));
  EXPECT_EQ(at("Work"), work);
  EXPECT_FALSE(called("Work").state.complete);
  list("Work");
  EXPECT_EQ(messagesOf("Work"), 2U);
  remount({});
  EXPECT_EQ(tree(), all);
  EXPECT_TRUE(cache_->snapshot()->mailbox(at("Lists"))->selectable);
  refresh();
  EXPECT_EQ(tree(), all);
  EXPECT_EQ(messagesOf("Work"), 2U);
}

TEST_F(LeftOutTest, NobodyMakesWhatNobodyWouldSee) {
  patterns_ = {"INBOX", "Lists/%", "Lists/s/a", "Work", "Sub/a"};
  listing_.push_back(entry("Sub/a"));
  refresh();
  const auto make = [&](const std::string& above, const std::string& name) {
    makeMailbox(store(), above.empty() ? kRoot : at(above), name, ignore_);
  };
  EXPECT_EQ(codeOf([&] { make("", "New"); }), Code::not_permitted);
  EXPECT_EQ(codeOf([&] { make("Lists/a", "deep"); }), Code::not_permitted);
  EXPECT_EQ(codeOf([&] { renameMailbox(store(), at("Lists/a"), kRoot, "a", ignore_); }),
            Code::not_permitted);
  // Of a level what is below it counts.
  EXPECT_EQ(codeOf([&] { renameMailbox(store(), at("Sub"), kRoot, "Sup", ignore_); }),
            Code::not_permitted);
  EXPECT_EQ(pending_.size(), 0U);
  make("Lists", "c");
  renameMailbox(store(), at("Sub"), at("Lists"), "s", ignore_);
}

TEST_F(LeftOutTest, ADirectoryWithHiddenOnesBelowIsNotEmpty) {
  patterns_ = {"*", "!Lists/*"};
  refresh();
  EXPECT_EQ(codeOf([&] { removeMailbox(store(), at("Lists"), ignore_); }), Code::not_empty);
  removeMailbox(store(), at("Work"), ignore_);
  EXPECT_EQ(pending_.size(), 1U);
}

TEST_F(LeftOutTest, TheTrashIsKnownWhoeverSeesIt) {
  model_.append();
  patterns_ = {"INBOX"};
  refresh();
  list("INBOX");
  const auto trash = trashOf(*cache_->snapshot());
  ASSERT_TRUE(trash);
  EXPECT_TRUE(trash->hidden);
  const MessageId id = firstOf("INBOX");
  moveMessage(store(), id, trash->id, "gone.eml", ignore_);
  const auto change = pending_.changes().at(0);
  EXPECT_EQ(change.kind, Change::Kind::move);
  EXPECT_EQ(change.mailbox, "Trash");
  EXPECT_TRUE(change.deletion);
  // It is not in INBOX any more, though the server has it there, nor after the next list.
  refresh();
  remount({"INBOX"});
  EXPECT_EQ(store::shownIn(*cache_->snapshot()->message(id)), trash->id);
}

// What was pending when the mailbox was shown is sent all the same.
TEST_F(LeftOutTest, WhatIsPendingStaysPending) {
  model_.append();
  refresh();
  list("INBOX");
  list("Work");
  const MessageId moved = firstOf("INBOX");
  const MessageId flagged = firstOf("Work");
  moveMessage(store(), moved, at("Work"), "moved.eml", ignore_);
  changeFlags(store(), {flagged}, Flags({"\\Flagged"}), {}, ignore_);
  makeMailbox(store(), kRoot, "Made", ignore_);
  for (const bool cache_too : {false, true}) {
    if (cache_too) {
      cache_.reset();
      std::filesystem::remove_all(directory_.path() + "/cache");
      cache_ = store::Cache::open(directory_.path() + "/cache");
    }
    remount({"INBOX"});
    refresh();
    EXPECT_THAT(tree(), ElementsAre("INBOX"));
    ASSERT_EQ(pending_.changes().size(), 3U);
    EXPECT_EQ(pending_.changes()[0].mailbox, "Work");
    EXPECT_EQ(pending_.changes()[1].source.mailbox, "Work");
    EXPECT_EQ(pending_.next().size(), 1U);
    EXPECT_EQ(pending_.parked(), 0U);
    list("INBOX");
    EXPECT_NE(store::shownIn(*cache_->snapshot()->message(moved)), at("INBOX"));
    if (!cache_too) {
      EXPECT_EQ(messagesOf("Work"), 1U);
    }
    remount({});
    refresh();
    EXPECT_THAT(tree(),
                ElementsAre("INBOX", "Lists", "Lists/a", "Lists/b", "Made", "Trash", "Work"));
    EXPECT_EQ(store::shownIn(*cache_->snapshot()->message(moved)), at("Work"));
  }
}

}  // namespace
}  // namespace emlfs::sync
