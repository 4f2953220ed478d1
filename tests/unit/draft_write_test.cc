// New messages that are written on, finished and found again.
#include <atomic>
#include <fstream>
#include <future>
#include <thread>

#include "unit/draft_fixture.h"

namespace emlfs {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

class DraftWrite : public DraftUnitTest {};

TEST_F(DraftWrite, CutByItsPathItIsFinishedAgain) {
  const auto id = write("x.eml", "A: b\r\nmore\r\n");
  drafts_->sealAll();
  drafts_->truncate(id, 6, false);
  drafts_->sealAll();
  EXPECT_EQ(changes(Kind::append).at(0).size, 6U);
  // Who has it open will close it.
  drafts_->truncate(id, 5, true);
  drafts_->sealAll();
  EXPECT_EQ(changes(Kind::append).at(0).size, 0U);
}

TEST_F(DraftWrite, WhatCouldNotBeWrittenWholeIsNotWhole) {
  const auto id = write("x.eml", "A: b\r\n");
  const std::string file = spool_->list().at(0);
  EXPECT_TRUE(spool_->isWhole(file));
  EXPECT_THROW(drafts_->write(id, ~uint64_t{0}, "x"), Error);
  EXPECT_FALSE(spool_->isWhole(file));
}

TEST_F(DraftWrite, WhatCouldNotBeFinishedIsAsItWas) {
  const auto id = write("x.eml", "A: b\n");
  journal_->full = true;
  drafts_->sealAll();
  journal_->full = false;
  EXPECT_EQ(at("x.eml")->id, id);
  drafts_->write(id, 5, "C: d\n");
  EXPECT_EQ(bytes(id), "A: b\nC: d\n");
  finish("x.eml");
  EXPECT_EQ(bytes(at("x.eml")->id), "A: b\r\nC: d\r\n");
  EXPECT_EQ(changes(Kind::append).at(0).size, 12U);
}

// The new version may not come into the cache: it is large, or the disk is full.
TEST_F(DraftWrite, ANewVersionHasNothingOfTheOldOneInTheCache) {
  const auto id = write("x.eml", "A: b\r\n");
  drafts_->sealAll();
  send(7);
  for (const bool crashes : {false, true}) {
    update([&](auto& change) {
      // With `crashes`, the cache has not heard of the new version.
      if (const auto old = change.byUid(kA, 7)) change.removeMessage(*old);
      auto record = *at("x.eml");
      record.uid = 7;
      change.putMessage(record);
      change.putChunk(id, 0, "A: b\r\n");
    });
    if (crashes)
      crash();
    else
      drafts_->truncate(id, 0, true);
    EXPECT_FALSE(cache_->snapshot()->chunk(id, 0));
    EXPECT_EQ(at("x.eml")->id, id);
    EXPECT_EQ(at("x.eml")->uid, 0U);
    if (!crashes) {
      drafts_->write(id, 0, "A: c\r\n");
      finish("x.eml");
    }
  }
  EXPECT_EQ(bytes(id), "A: c\r\n");
  EXPECT_EQ(renewed_, std::vector{id}) << "what is being fetched is of the old one";
}

TEST_F(DraftWrite, WhatCantBeSentIsJudgedOnceUntilItIsWrittenTo) {
  const auto id = write("x.eml", std::string_view("A: b\r\n\r\n\0\r\n", 11));
  drafts_->sealAll();
  ASSERT_THAT(drafts_->unsent(), SizeIs(1));
  const std::string why = drafts_->unsent()[0].why;
  EXPECT_THAT(why, testing::HasSubstr("NUL"));
  // Behind our back: nobody looks again.
  std::ofstream(state_ / ("spool/" + spool_->list().at(0))) << "A: b\r\n\r\nc\r\n";
  drafts_->sealAll();
  EXPECT_EQ(drafts_->unsent().at(0).why, why);
  drafts_->write(id, 8, "c");
  finish("x.eml");
  EXPECT_THAT(changes(Kind::append), SizeIs(1));
}

// A large one takes long, and `emlfs umount` takes a mount that is silent for dead.
TEST_F(DraftWrite, WhatIsNotSentIsToldWhileItIsBeingFinished) {
  write("x.eml", "A: b\r\n");
  std::future<std::vector<UnsentDraft>> unsent;
  auto told = std::future_status::timeout;
  journal_->committing = [&] {
    unsent = std::async(std::launch::async, [&] { return drafts_->unsent(); });
    told = unsent.wait_for(std::chrono::seconds(10));
  };
  drafts_->sealAll();
  EXPECT_EQ(told, std::future_status::ready);
  EXPECT_EQ(unsent.get().at(0).path, "A/x.eml");
  journal_->committing = nullptr;
}

TEST_F(DraftWrite, WhatCouldNotBeFinishedIsTriedAgain) {
  write("x.eml", "A: b\r\n");
  journal_->full = true;
  const auto failed = drafts_->sealAll();
  ASSERT_TRUE(failed) << "a flush would say that all is well";
  EXPECT_EQ(failed->code, Code::system);
  EXPECT_THAT(changes(Kind::append), IsEmpty());
  journal_->full = false;
  EXPECT_FALSE(drafts_->sealAll());
  EXPECT_THAT(changes(Kind::append), SizeIs(1));
}

// Somebody else had closed it, and it was finished with other bytes.
TEST_F(DraftWrite, WhoHasItOpenWritesOn) {
  const auto id = write("x.eml", "A: b\n");
  drafts_->sealAll();
  const auto finished = at("x.eml")->id;
  EXPECT_NE(finished, id);
  EXPECT_EQ(bytes(id), "A: b\n");
  EXPECT_TRUE(drafts_->unlinked(id));
  drafts_->write(id, 5, "C: d\n");
  EXPECT_EQ(at("x.eml")->id, id);
  EXPECT_EQ(bytes(id), "A: b\nC: d\n");
  EXPECT_THAT(pending_->next(), IsEmpty());
  finish("x.eml");
  EXPECT_EQ(bytes(at("x.eml")->id), "A: b\r\nC: d\r\n");
  EXPECT_THAT(changes(Kind::append), SizeIs(1));
  EXPECT_THAT(spool_->list(), SizeIs(1));
  drafts_->setTime(id, 5);
  EXPECT_EQ(at("x.eml")->date.seconds, 5);
}

TEST_F(DraftWrite, WhoHasItOpenWritesANewVersionOfWhatWasSent) {
  const auto id = write("x.eml", "A: b\n");
  drafts_->sealAll();
  const auto finished = at("x.eml")->id;
  send(7);
  drafts_->write(id, 5, "C: d\n");
  EXPECT_EQ(at("x.eml")->id, id);
  EXPECT_EQ(bytes(id), "A: b\nC: d\n");
  const auto deletions = changes(Kind::flags);
  ASSERT_THAT(deletions, SizeIs(1));
  EXPECT_EQ(deletions[0].id, finished);
  EXPECT_EQ(deletions[0].spool, changes(Kind::append).at(0).spool);
  EXPECT_THAT(pending_->next(), IsEmpty()) << "the old one waits for the new one";
}

// Between its old and its new id.
TEST_F(DraftWrite, WhoHasItOpenFindsItWhileItIsFinished) {
  const auto id = write("x.eml", "A: b\n");
  std::optional<store::MessageRecord> meanwhile;
  journal_->before_commit = [&] {
    if (!cache_->snapshot()->message(id)) meanwhile = drafts_->unlinked(id);
  };
  std::atomic<bool> finished{false};
  std::atomic<unsigned> reads{0};
  std::atomic<unsigned> lost{0};
  std::thread reader([&] {
    while (!finished) {
      if (drafts_->read(id, 0, 100) != "A: b\n") ++lost;
      ++reads;
      reads.notify_all();
    }
  });
  reads.wait(0);
  drafts_->sealAll();
  finished = true;
  reader.join();
  EXPECT_EQ(lost, 0U);
  ASSERT_TRUE(meanwhile);
  EXPECT_EQ(meanwhile->size, 5U);
  EXPECT_EQ(meanwhile->inode, localInode(id));
}

// It would not say that it has forgotten it.
TEST_F(DraftWrite, WhatTheKernelDoesNotKnowIsNotKeptForIt) {
  const auto id = write("x.eml", "A: b\n");
  drafts_->forgotten(id);
  drafts_->sealAll();
  EXPECT_NE(at("x.eml")->id, id);
  EXPECT_FALSE(drafts_->unlinked(id));

  const auto unseen = write("y.eml", "A: b\n");
  const auto seen = write("z.eml", "A: b\n");
  crash();
  drafts_->live(at("z.eml").value());
  drafts_->sealAll();
  EXPECT_FALSE(drafts_->unlinked(unseen));
  EXPECT_EQ(bytes(seen), "A: b\n");
}

// Removed, it is nobody's any more.
TEST_F(DraftWrite, WhoHasARemovedOneOpenWritesForHimself) {
  const auto id = write("x.eml", "A: b\n");
  drafts_->sealAll();
  EXPECT_TRUE(drafts_->remove(at("x.eml")->id));
  drafts_->write(id, 5, "C: d\n");
  EXPECT_EQ(bytes(id), "A: b\nC: d\n");
  EXPECT_FALSE(at("x.eml"));
  EXPECT_THAT(spool_->list(), IsEmpty());
}

TEST_F(DraftWrite, AfterACrashWhatIsWholeStaysSo) {
  write("x.eml", "A: b\r\n");
  update([&](auto& change) { change.removeMailbox(kA); });
  crash();
  EXPECT_TRUE(spool_->isWhole(spool_->list().at(0)));
}

TEST_F(DraftWrite, AfterACrashAnEmptyOneCanBeWritten) {
  drafts_->create(kA, "x.eml");
  crash();
  drafts_->write(at("x.eml")->id, 0, "A: b\r\n");
  finish("x.eml");
  EXPECT_THAT(changes(Kind::append), SizeIs(1));
}

TEST_F(DraftWrite, AfterACrashItHasTheFlagsOfWhatItReplaces) {
  const auto old = deliver("x.eml", 10, 5);
  const auto id = write(".x.tmp", "A: b\r\n");
  const auto before = at(".x.tmp").value();
  drafts_->rename(id, kA, "x.eml", true);
  // The journal has it, and the cache had no time for it.
  update([&](auto& change) {
    change.putMessage(before);
    change.putMessage(old);
  });
  crash();
  EXPECT_EQ(at("x.eml")->id, id);
  EXPECT_EQ(at("x.eml")->flags, old.flags);
  drafts_->sealAll();
  EXPECT_EQ(changes(Kind::append).at(0).add, old.flags);
}

TEST_F(DraftWrite, AfterACrashANewVersionIsNotTheOldOne) {
  const auto id = write("x.eml", "A: b\r\n");
  drafts_->sealAll();
  send(7);
  const auto sent = at("x.eml").value();
  drafts_->truncate(id, 0, true);
  const auto deletions = changes(Kind::flags);
  ASSERT_THAT(deletions, SizeIs(1));
  // The journal has it, and the cache had no time for it.
  update([&](auto& change) {
    change.removeMessage(deletions[0].id);
    change.putMessage(sent);
  });
  crash();
  EXPECT_EQ(at("x.eml")->id, id);
  EXPECT_EQ(at("x.eml")->uid, 0U);
  const auto old = cache_->snapshot()->message(deletions[0].id);
  ASSERT_TRUE(old);
  EXPECT_EQ(old->uid, 7U);
  EXPECT_EQ(store::shownIn(*old), std::nullopt);
}

// Its directory went, by another client's doing: it is to be found where refused changes are.
TEST_F(DraftWrite, OneWhoseMailboxIsGoneIsRefused) {
  const MessageId id = write("new.eml", "A: one\n");
  update([&](auto& change) { change.removeMessage(id); });
  drafts_->strandLost();
  drafts_->sealAll();
  EXPECT_THAT(drafts_->unsent(), IsEmpty());
  const auto appends = changes(Kind::append);
  ASSERT_THAT(appends, SizeIs(1));
  EXPECT_EQ(appends[0].state, store::Change::State::parked);
  EXPECT_EQ(appends[0].error, Code::not_found);
  EXPECT_EQ(appends[0].mailbox, "A");
  EXPECT_EQ(appends[0].size, 8U) << "with CRLF, to be sent when it is tried again";
  EXPECT_EQ(pending_->nameOf({{}, 0, 0, id}), "new.eml");
  // Who has it open goes on.
  drafts_->write(id, 7, "B: two\n");
  EXPECT_EQ(drafts_->read(id, 0, 100), "A: one\nB: two\n");
}

// The cache was deleted: no directory is known before the first list.
TEST_F(DraftWrite, OneWhoseMailboxIsNotListedYetIsNotRefused) {
  const MessageId id = write("new.eml", "A: one\r\n");
  update([&](auto& change) {
    change.removeMessage(id);
    change.removeMailbox(kA);
  });
  crash();
  drafts_->sealAll();
  EXPECT_THAT(changes(Kind::append), IsEmpty());
  EXPECT_THAT(drafts_->unsent(), SizeIs(1));
  drafts_->strandLost();
  drafts_->sealAll();
  EXPECT_THAT(changes(Kind::append), SizeIs(1));
  EXPECT_THAT(drafts_->unsent(), IsEmpty());
}

// The server has renamed it, a crash kept that from the journal, and the cache was deleted: the
// list knows only the new name.
TEST_F(DraftWrite, OneWhoseMailboxIsBeingRenamedIsNotRefused) {
  const MessageId id = write("new.eml", "A: one\r\n");
  Change rename;
  rename.kind = Kind::rename_mailbox;
  rename.id = MessageId{kA.value};
  rename.mailbox = "A";
  rename.other = "Z";
  rename.state = Change::State::begun;
  pending_->add({.add = {rename}});
  update([&](auto& change) {
    change.removeMessage(id);
    change.removeMailbox(kA);
    change.putMailbox(test::sampleMailbox(3, "Z"));
  });
  crash();
  drafts_->strandLost();
  drafts_->sealAll();
  EXPECT_THAT(changes(Kind::append), IsEmpty());
  EXPECT_THAT(drafts_->unsent(), SizeIs(1));
}

}  // namespace
}  // namespace emlfs
