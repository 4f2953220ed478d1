// Moves without MOVE whose COPY was cut: what is taken for the copy, since the original goes then.
#include "sync/copy_search.h"

#include "emlfs/sync/replay.h"
#include "unit/replay_fixture.h"

namespace emlfs {
namespace {

using testing::IsEmpty;

constexpr const char* kId = "<1@example.org>";
constexpr const char* kBytes = "From: a\r\n\r\none\r\n";
constexpr const char* kOther = "From: a\r\n\r\ntwo\r\n";

class CopySearch : public ReplayUnit {
 protected:
  CopySearch() { session_.mailboxes["B"]; }

  // The UIDs of what is taken for copies; `uid_next` as it was noted.
  std::vector<Uid> found(const std::string& message_id, UidValidity validity, Uid uid_next) {
    session_.mailboxes["A"].put(5, message_id, kBytes);
    auto change = move(message_id, std::string(kBytes).size());
    change.state = store::Change::State::begun;
    change.destination = {validity, uid_next, 0};
    std::vector<Uid> uids;
    for (const auto& copy : sync::findCopies(session_, store(), {change}))
      uids.push_back(copy.destination.uid);
    return uids;
  }
  auto& there() { return session_.mailboxes["B"]; }

  test::MailboxSession session_{{}};
};

TEST_F(CopySearch, WhatWasThereBeforeIsNoCopy) {
  there().put(3, kId, kBytes);
  EXPECT_THAT(found(kId, 1, 4), IsEmpty());
  there().put(4, kId, kBytes);
  EXPECT_EQ(found(kId, 1, 4), std::vector<Uid>{4});
}

TEST_F(CopySearch, WhatIsShownIsNoCopy) {
  there().put(3, kId, kBytes);
  update([](auto& change) {
    auto mailbox = *change.mailbox(test::mailboxId(2));
    mailbox.state.uid_validity = 1;
    change.putMailbox(mailbox);
    change.putMessage(test::sampleMessage(11, mailbox.id, 3));
  });
  EXPECT_THAT(found(kId, 1, 0), IsEmpty());
}

TEST_F(CopySearch, WhereTheMailboxWasReplacedEveryByteCounts) {
  there().put(3, kId, kOther);
  EXPECT_THAT(found(kId, 7, 2), IsEmpty());
  there().put(4, kId, kBytes);
  EXPECT_EQ(found(kId, 7, 2), std::vector<Uid>{4});
}

TEST_F(CopySearch, WithoutAMessageIdEveryByteCounts) {
  there().put(4, "", kOther);
  EXPECT_THAT(found("", 1, 4), IsEmpty());
  there().put(5, "", kBytes);
  EXPECT_EQ(found("", 1, 4), std::vector<Uid>{5});
}

// The server was still at it when the connection was gone.
TEST_F(CopySearch, OneThatComesLateIsWaitedFor) {
  test::MailboxSession session({"IDLE"});
  session.mailboxes["A"].put(5, kId, kBytes);
  session.on_listen = [&] {
    EXPECT_EQ(session.selected(), "B");
    session.mailboxes["B"].put(4, kId, kBytes);
  };
  session.mailboxes["B"];
  auto change = move(kId, std::string(kBytes).size());
  change.destination = {1, 4, 0};
  const auto found = sync::findCopies(session, store(), {change});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found.front().destination.uid, 4U);
}

// A server that was killed in the middle of a MOVE has copied it, and not removed the original.
TEST_F(CopySearch, AMoveThatWasDoneByHalfIsFinished) {
  test::MailboxSession session({"MOVE", "UIDPLUS"});
  session.mailboxes["A"].put(5, kId, kBytes);
  session.mailboxes["B"].put(4, kId, kBytes);
  session.on_transfer = [] { FAIL() << "it would be there twice"; };
  pending_.add({.add = {move(kId, std::string(kBytes).size())}});
  const auto run = pending_.next();
  pending_.begin(run, {1, 4, 0});
  pending_.end("B");
  sync::replay(session, store(), ignore_);
  EXPECT_TRUE(session.mailboxes["A"].messages.empty());
  EXPECT_EQ(session.mailboxes["B"].messages.size(), 1U);
}

// The store has never looked into the destination.
TEST_F(CopySearch, WhatIsThereIsNotedBeforeAnythingIsSent) {
  there().put(3, kId, kBytes);
  for (const char* capability : {"MOVE", "UIDPLUS"}) {
    SCOPED_TRACE(capability);
    test::MailboxSession session({capability});
    session.mailboxes = session_.mailboxes;
    session.mailboxes["A"].put(5, kId, kBytes);
    session.on_transfer = [] { throw Error(Code::network, Scope::connection, "cut"); };
    pending_.add({.add = {move(kId, std::string(kBytes).size())}});
    EXPECT_THROW(sync::replay(session, store(), ignore_), Error);
    EXPECT_EQ(pending_.changes().front().destination.uid_next, 4U);
    EXPECT_EQ(session.selected(), "A");
    pending_.vanished(MessageId{10});
  }
}

}  // namespace
}  // namespace emlfs
