// Moves without MOVE whose COPY was cut: what is taken for the copy, since the original goes then.
#include "sync/copy_search.h"

#include <functional>
#include <optional>
#include <utility>

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
    for (const auto& copy : sync::findCopies(session_, store(), {change}).found)
      uids.push_back(copy.destination.uid);
    return uids;
  }
  auto& there() { return session_.mailboxes["B"]; }

  // Of the message with that UID in A.
  static store::Change moveOf(Uid uid, const std::string& message_id = kId) {
    auto change = move(message_id, std::string(kBytes).size());
    change.id = MessageId{10 + uid};
    change.source.uid = uid;
    return change;
  }
  // The answer to them was lost; before, B was empty.
  void begun(const std::vector<store::Change>& moves) {
    pending_.add({.add = moves});
    pending_.begin(pending_.next(), {1, 1, 0});
    pending_.end("B");
  }
  void putBoth(Uid from, Uid to, const std::string& message_id = kId) {
    session_.mailboxes["A"].put(from, message_id, kBytes);
    there().put(to, message_id, kBytes);
  }
  std::optional<Error> replayed(imap::Session& session) {
    try {
      sync::replay(session, store(), ignore_);
      return std::nullopt;
    } catch (const Error& error) {
      return error;
    }
  }
  // The next time that it is called with B selected.
  std::function<void()> onceInB(Code code) {
    return [this, code, done = false]() mutable {
      if (session_.selected() != "B" || std::exchange(done, true)) return;
      throw Error(code, Scope::mailbox, "trouble", "trouble");
    };
  }

  test::MailboxSession session_{{"UIDPLUS"}};
};

TEST_F(CopySearch, NoMoreAreCopiedThanOneCommandTakes) {
  constexpr Uid kMany = 1200;
  std::vector<store::Change> moves;
  for (Uid uid = 1; uid <= kMany; ++uid) {
    session_.mailboxes["A"].put(uid, kId, kBytes);
    moves.push_back(moveOf(uid));
  }
  pending_.add({.add = moves});
  int copies = 0;
  session_.on_transfer = [&] {
    ++copies;
    int begun = 0;
    for (const auto& change : pending_.changes())
      begun += change.state == store::Change::State::begun ? 1 : 0;
    EXPECT_LE(begun, 500);
  };
  EXPECT_FALSE(replayed(session_));
  EXPECT_EQ(copies, 3);
  EXPECT_THAT(session_.mailboxes["A"].messages, IsEmpty());
}

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
  const auto found = sync::findCopies(session, store(), {change}).found;
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

// What is parked is shown in the source while the copies are listed as new ones, and sending it
// again makes more of them.
TEST_F(CopySearch, WhatCantBeLookedForNowWaits) {
  putBoth(5, 4);
  begun({moveOf(5)});
  session_.on_transfer = [] { FAIL() << "it would be there twice"; };
  for (const char* const closed : {"B", "A"}) {
    SCOPED_TRACE(closed);
    session_.on_open = [closed](const std::string& wire) {
      if (wire == closed) throw Error(Code::busy, Scope::mailbox, "starting", "NO [UNAVAILABLE]");
    };
    const auto error = replayed(session_);
    ASSERT_TRUE(error);
    EXPECT_EQ(error->scope, Scope::connection);
    EXPECT_EQ(pending_.parked(), 0U);
  }
  session_.on_open = nullptr;
  EXPECT_FALSE(replayed(session_));
  EXPECT_EQ(pending_.size(), 0U);
  EXPECT_THAT(session_.mailboxes["A"].messages, IsEmpty());
}

// It would wait for ever, and all others with it.
TEST_F(CopySearch, WhereNobodyMayLookItIsRefused) {
  putBoth(5, 4);
  begun({moveOf(5)});
  session_.on_open = [](const std::string& wire) {
    if (wire == "B") throw Error(Code::denied, Scope::mailbox, "no", "NO [NOPERM]");
  };
  EXPECT_FALSE(replayed(session_));
  EXPECT_EQ(pending_.parked(), 1U);
}

// It has been done all the same.
TEST_F(CopySearch, WhatWasRefusedAfterItWasBegunIsLookedForWhenItIsRetried) {
  session_.on_transfer = [] { FAIL() << "it would be there twice"; };
  for (const bool was_copied : {false, true}) {
    SCOPED_TRACE(was_copied);
    putBoth(5, 4);
    if (was_copied) {
      auto copied = moveOf(5);
      copied.state = store::Change::State::copied;
      copied.destination = {1, 4, 4};
      pending_.add({.add = {copied}});
    } else {
      begun({moveOf(5)});
    }
    session_.on_open = [was_copied](const std::string& wire) {
      if (wire == (was_copied ? "A" : "B"))
        throw Error(Code::denied, Scope::mailbox, "no", "NO [NOPERM]");
    };
    EXPECT_FALSE(replayed(session_));
    ASSERT_EQ(pending_.parked(), 1U);
    session_.on_open = nullptr;
    pending_.retry(pending_.changes());
    EXPECT_FALSE(replayed(session_));
    EXPECT_EQ(pending_.size(), 0U);
    EXPECT_THAT(session_.mailboxes["A"].messages, IsEmpty());
  }
}

// Nothing was done, and a retry has nothing to look for.
TEST_F(CopySearch, WhatTheServerSaysNoToIsNotLookedForWhenItIsRetried) {
  for (const char* capability : {"MOVE", "UIDPLUS"}) {
    SCOPED_TRACE(capability);
    test::MailboxSession session({capability});
    session.mailboxes["A"].put(5, kId, kBytes);
    session.mailboxes["B"];
    session.on_transfer = [] { throw Error(Code::quota, Scope::mailbox, "full", "NO"); };
    pending_.add({.add = {moveOf(5)}});
    EXPECT_FALSE(replayed(session));
    ASSERT_EQ(pending_.parked(), 1U);
    EXPECT_FALSE(pending_.changes().front().recovered);
    pending_.vanished(MessageId{15});
  }
}

TEST_F(CopySearch, WhatIsShownSinceItWasRefusedIsTheCopyUnlessWeMovedItThere) {
  putBoth(5, 4);
  auto again = moveOf(5);
  again.recovered = true;
  again.destination = {1, 4, 0};
  auto shown = test::sampleMessage(11, test::mailboxId(2), 4);
  for (const bool moved : {true, false}) {
    SCOPED_TRACE(moved);
    shown.shown = moved ? store::Shown::arrived : store::Shown::in_place;
    shown.directory = moved ? shown.mailbox : MailboxId{};
    update([&](auto& change) {
      auto mailbox = *change.mailbox(shown.mailbox);
      mailbox.state.uid_validity = 1;
      change.putMailbox(mailbox);
      change.putMessage(shown);
    });
    EXPECT_EQ(sync::findCopies(session_, store(), {again}).found.size(), moved ? 0U : 1U);
  }
  again.destination = {1, 5, 0};
  EXPECT_THAT(sync::findCopies(session_, store(), {again}).found, IsEmpty())
      << "it was there before";
}

TEST_F(CopySearch, OneThatCantBeReadIsRefusedAlone) {
  putBoth(5, 4);
  putBoth(6, 7, "<2@example.org>");
  begun({moveOf(5), moveOf(6, "<2@example.org>")});
  session_.on_transfer = [] { FAIL() << "it would be there twice"; };
  session_.on_body = [&](Uid uid) {
    if (session_.selected() == "B" && uid == 4)
      throw Error(Code::refused, Scope::message, "trouble", "NO");
  };
  EXPECT_FALSE(replayed(session_));
  ASSERT_EQ(pending_.size(), 1U);
  EXPECT_EQ(pending_.parked(), 1U);
  EXPECT_EQ(pending_.changes().front().source.uid, 5U);
  EXPECT_EQ(session_.mailboxes["A"].messages.count(5), 1U);
}

// Another client has removed messages from B, and the server says so.
TEST_F(CopySearch, WhatIsGoneThereIsNotGoneHere) {
  putBoth(5, 4);
  begun({moveOf(5)});
  session_.on_look = onceInB(Code::stale);
  EXPECT_TRUE(replayed(session_));
  ASSERT_EQ(pending_.size(), 1U);
  EXPECT_EQ(pending_.changes().front().state, store::Change::State::begun);
  EXPECT_FALSE(replayed(session_));
  EXPECT_EQ(pending_.size(), 0U);
}

TEST_F(CopySearch, WhatIsGoneThereWhenItIsFirstLookedAtIsNotGoneHere) {
  session_.mailboxes["A"].put(5, kId, kBytes);
  there().uid_next = 0;  // not told
  pending_.add({.add = {moveOf(5)}});
  session_.on_look = onceInB(Code::stale);
  EXPECT_FALSE(replayed(session_));
  EXPECT_EQ(pending_.size(), 1U);
}

// MOVE is not all or nothing.
TEST_F(CopySearch, WhatWasMovedInPartIsNotRefusedUnseen) {
  test::MailboxSession session({"MOVE", "UIDPLUS"});
  session.mailboxes["A"].put(5, kId, kBytes);
  session.mailboxes["B"];
  pending_.add({.add = {moveOf(5)}});
  session.on_transfer = [&] {
    session.mailboxes["A"].messages.clear();
    session.mailboxes["B"].put(4, kId, kBytes);
    session.on_look = [] { throw Error(Code::busy, Scope::mailbox, "trouble", "NO [INUSE]"); };
    throw Error(Code::refused, Scope::mailbox, "trouble", "NO");
  };
  const auto error = replayed(session);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->scope, Scope::connection);
  EXPECT_EQ(pending_.parked(), 0U);
}

// Both would be taken for the one message that is there.
TEST_F(CopySearch, OneOfTheSameBytesThatHasArrivedIsNoCopy) {
  session_.mailboxes["A"].put(6, kId, kBytes);
  there().put(4, kId, kBytes);
  auto arrived = moveOf(5);
  arrived.state = store::Change::State::copied;
  arrived.destination = {1, 4, 0};
  arrived.source = {"B", 1, 0, kId, arrived.source.size};
  auto other = moveOf(6);
  other.destination = {1, 4, 0};
  pending_.add({.add = {arrived}});
  EXPECT_THAT(sync::findCopies(session_, store(), {other}).found, IsEmpty());
  there().put(5, kId, kBytes);
  EXPECT_EQ(sync::findCopies(session_, store(), {other}).found.size(), 1U);
}

TEST_F(CopySearch, OneOfTheSameBytesThatWasFoundIsNoCopy) {
  session_.mailboxes["A"].put(6, kId, kBytes);
  there().put(4, kId, kBytes);
  auto copied = moveOf(5);
  copied.state = store::Change::State::copied;
  copied.destination = {1, 4, 4};
  pending_.add({.add = {copied}});
  auto other = moveOf(6);
  other.destination = {1, 4, 0};
  EXPECT_THAT(sync::findCopies(session_, store(), {other}).found, IsEmpty());
}

TEST_F(CopySearch, ACutCostsOnlyAPartOfTheComparison) {
  std::vector<store::Change> moves;
  for (Uid uid = 1; uid <= 100; ++uid) {
    const std::string id = "<" + std::to_string(uid) + "@example.org>";
    putBoth(uid, uid, id);
    moves.push_back(moveOf(uid, id));
  }
  begun(moves);
  session_.on_transfer = [] { FAIL() << "it would be there twice"; };
  int bodies = 0;
  session_.on_body = [&](Uid) {
    if (++bodies == 150) throw Error(Code::network, Scope::connection, "cut");
  };
  EXPECT_TRUE(replayed(session_));
  EXPECT_LT(pending_.size(), moves.size());
  EXPECT_FALSE(replayed(session_));
  EXPECT_THAT(session_.mailboxes["A"].messages, IsEmpty());
}

TEST_F(CopySearch, WhatIsCachedIsNotReadAgain) {
  update([](auto& change) {
    auto message = test::sampleMessage(10, test::mailboxId(1), 5);
    message.size = std::string(kBytes).size();
    change.putMessage(message);
    change.putChunk(message.id, 0, kBytes);
  });
  session_.on_body = [this](Uid) { EXPECT_EQ(session_.selected(), "B"); };
  there().put(3, kId, kOther);
  there().put(4, kId, kBytes);
  EXPECT_EQ(found(kId, 1, 1), std::vector<Uid>{4});
}

// Its UIDs mean other messages.
TEST_F(CopySearch, FromAMailboxThatIsReplacedMeanwhileNothingIsCopied) {
  uint64_t refused = 0;
  for (const bool was_begun : {true, false}) {
    SCOPED_TRACE(was_begun);
    auto& here = session_.mailboxes["A"];
    here.validity = 1;
    here.put(5, kId, kBytes);
    there().uid_next = 0;  // not told: it has to be opened
    if (was_begun) {
      begun({moveOf(5)});
    } else {
      pending_.add({.add = {moveOf(5)}});
    }
    session_.on_open = [&](const std::string& wire) {
      if (wire == "B") here.validity = 2;
    };
    session_.on_transfer = [] { FAIL() << "another message"; };
    EXPECT_FALSE(replayed(session_));
    EXPECT_EQ(pending_.parked(), ++refused);
    EXPECT_EQ(pending_.size(), refused);
    EXPECT_EQ(pending_.changes().back().error, Code::stale);
  }
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
