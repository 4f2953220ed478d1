// Moves without MOVE whose originals can't be removed: what becomes of the copies.
#include <gmock/gmock.h>

#include "emlfs/base/error.h"
#include "emlfs/sync/replay.h"
#include "unit/replay_fixture.h"

namespace emlfs {
namespace {

using testing::IsEmpty;
using Store = imap::Session::Change;

constexpr const char* kId = "<1@example.org>";
constexpr const char* kBytes = "From: a\r\n\r\none\r\n";

class TakeBack : public ReplayUnit {
 protected:
  TakeBack() {
    here().put(5, kId, kBytes);
    session_.tells_copies = true;
    session_.on_transfer = [] {};
  }
  void SetUp() override {
    ReplayUnit::SetUp();
    pending_.add({.add = {move(kId, std::string(kBytes).size())}});
  }
  void replay() { sync::replay(session_, store(), ignore_); }
  // Of the original; `before`: whatever else happens in that moment.
  void refuseToMark(const std::function<void()>& before = {}) {
    session_.on_store = [this, before](const UidSet&, Store change, const Flags&) {
      if (change != Store::add || session_.selected() != "A") return;
      if (before) before();
      throw Error(Code::busy, Scope::mailbox, "no", "no");
    };
  }
  test::ServerMailbox& here() { return session_.mailboxes["A"]; }
  test::ServerMailbox& there() { return session_.mailboxes["B"]; }

  test::MailboxSession session_{{"UIDPLUS"}};
};

// What is done to the original from then on would not be done to its copy.
TEST_F(TakeBack, TheCopyOfWhatStaysGoes) {
  there();
  refuseToMark();
  replay();
  EXPECT_THAT(there().messages, IsEmpty());
  EXPECT_EQ(here().messages.size(), 1U);
  ASSERT_EQ(pending_.parked(), 1U);
  EXPECT_FALSE(pending_.changes().front().recovered) << "there is nothing to be looked for";

  session_.on_store = {};
  pending_.retry(pending_.changes());
  replay();
  EXPECT_EQ(there().messages.size(), 1U);
  EXPECT_THAT(here().messages, IsEmpty());
  EXPECT_EQ(pending_.size(), 0U);
}

// The copy is marked, and the connection breaks; then the server takes the original after all.
TEST_F(TakeBack, ACopyThatWasMarkedIsNoLongerOnceItIsAllThereIs) {
  there();
  bool marked = false;
  session_.on_store = [&](const UidSet&, Store change, const Flags&) {
    if (change != Store::add) return;
    if (session_.selected() == "A") throw Error(Code::busy, Scope::mailbox, "no", "no");
    EXPECT_EQ(pending_.changes().front().state, store::Change::State::begun);
    marked = true;
    throw Error(Code::network, Scope::connection, "cut");
  };
  EXPECT_THROW(replay(), Error);
  EXPECT_TRUE(marked);
  session_.on_store = [&](const UidSet& uids, Store change, const Flags&) {
    if (change == Store::remove && session_.selected() == "B" && uids.contains(1)) marked = false;
    EXPECT_TRUE(session_.selected() == "B" || !marked) << "the original would go for that";
  };
  replay();
  EXPECT_FALSE(marked);
  EXPECT_EQ(there().messages.size(), 1U);
  EXPECT_THAT(here().messages, IsEmpty());
  EXPECT_EQ(pending_.size(), 0U);
}

// The server has told the UID of another message.
TEST_F(TakeBack, WhatIsNoCopyStays) {
  there();
  refuseToMark([this] {
    there().messages.clear();
    there().put(1, "<other@example.org>", "From: a\r\n\r\ntwo\r\n");
  });
  replay();
  EXPECT_EQ(there().messages.size(), 1U);
  EXPECT_EQ(pending_.parked(), 1U);
}

// Somebody else has removed the original meanwhile: the copy is all there is.
TEST_F(TakeBack, TheCopyOfWhatIsGoneStays) {
  there();
  refuseToMark([this] { here().messages.clear(); });
  replay();
  EXPECT_EQ(there().messages.size(), 1U);
}

}  // namespace
}  // namespace emlfs
