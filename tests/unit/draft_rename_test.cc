// A new message that takes the place of another one.
#include "unit/draft_fixture.h"

namespace emlfs {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

class DraftRename : public DraftUnitTest {
 protected:
  // An editor saves it once, which the server has not heard of.
  void SetUp() override {
    DraftUnitTest::SetUp();
    deliver("f.eml", 10, 5);
    first_ = write(".1.tmp", "A: one\r\n");
    drafts_->rename(first_, kA, "f.eml", true);
    drafts_->sealAll();
    second_ = write(".2.tmp", "A: two\r\n");
  }
  void saveAgain() { drafts_->rename(second_, kA, "f.eml", true); }

  MessageId first_;
  MessageId second_;
};

TEST_F(DraftRename, TakesOverWhatTheUnsentOneWasToReplace) {
  const auto flags = at("f.eml")->flags;
  EXPECT_TRUE(flags.has("\\Seen"));
  saveAgain();
  EXPECT_EQ(at("f.eml")->id, second_);
  EXPECT_EQ(at("f.eml")->flags, flags);
  EXPECT_FALSE(at(".2.tmp"));
  const auto appends = changes(Kind::append);
  const auto deletions = changes(Kind::flags);
  ASSERT_THAT(appends, SizeIs(1));
  ASSERT_THAT(deletions, SizeIs(1));
  EXPECT_EQ(appends[0].id, second_);
  EXPECT_EQ(appends[0].add, flags);
  EXPECT_EQ(deletions[0].spool, appends[0].spool);
  EXPECT_LT(appends[0].number, deletions[0].number);
  EXPECT_THAT(spool_->list(), testing::ElementsAre(appends[0].spool));
  EXPECT_THAT(pending_->next(), IsEmpty()) << "the old one waits for the new one";
  drafts_->sealAll();
  ASSERT_THAT(pending_->next(), SizeIs(1));
  EXPECT_EQ(pending_->next()[0].id, second_);
}

TEST_F(DraftRename, OnAFullDiskLosesNeither) {
  drafts_->setFlags(first_, {}, {});  // a draft again
  journal_->full = true;
  EXPECT_THROW(saveAgain(), Error);
  journal_->full = false;
  EXPECT_EQ(bytes(at("f.eml")->id), "A: one\r\n");
  EXPECT_EQ(bytes(second_), "A: two\r\n");
  crash();
  EXPECT_EQ(bytes(at("f.eml")->id), "A: one\r\n");
  EXPECT_EQ(bytes(at(".2.tmp")->id), "A: two\r\n");
}

TEST_F(DraftRename, OverOneThatIsBeingSentIsBehindIt) {
  const auto sending = pending_->next();
  ASSERT_TRUE(pending_->claim(sending));
  saveAgain();
  EXPECT_EQ(at("f.eml")->id, second_);
  const auto deletions = changes(Kind::flags);
  ASSERT_THAT(deletions, SizeIs(2));
  EXPECT_EQ(deletions[1].id, first_);
  EXPECT_EQ(deletions[1].spool, changes(Kind::append)[1].spool);
  pending_->release(sending);
}

TEST_F(DraftRename, OfTemporariesHoldsUpNoDeletion) {
  const auto third = write(".3.tmp", "A: three\r\n");
  drafts_->rename(third, kA, ".2.tmp", true);
  EXPECT_THAT(changes(Kind::append), SizeIs(1));
  EXPECT_EQ(bytes(at(".2.tmp")->id), "A: three\r\n");
}

// Who goes on writing makes a new version.
TEST_F(DraftRename, BetweenRealNamesFinishesIt) {
  const MessageId id = drafts_->create(kA, "x.eml").id;
  drafts_->write(id, 0, "A: half\r\n");
  drafts_->rename(id, kA, "y.eml", true);
  drafts_->sealAll();
  EXPECT_THAT(changes(Kind::append), SizeIs(2));
  drafts_->write(id, 9, "B: rest\r\n");
  drafts_->sealAll();
  EXPECT_THAT(drafts_->unsent(), testing::Contains(testing::Field(&UnsentDraft::path, "A/y.eml")));
  finish("y.eml");
  EXPECT_THAT(changes(Kind::append), SizeIs(2));
  EXPECT_EQ(bytes(id), "A: half\r\nB: rest\r\n");
}

TEST_F(DraftRename, IsAsBeforeWhenARemovalFails) {
  journal_->full = true;
  EXPECT_THROW(drafts_->remove(at("f.eml")->id), Error);
  journal_->full = false;
  EXPECT_EQ(bytes(first_), "A: one\r\n");
  EXPECT_TRUE(drafts_->remove(first_));
  EXPECT_THAT(changes(Kind::append), IsEmpty());
  EXPECT_EQ(changes(Kind::flags).at(0).spool, "");
}

}  // namespace
}  // namespace emlfs
