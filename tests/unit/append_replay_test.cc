// New messages that a person changes while others are sent.
#include "sync/append_replay.h"

#include "emlfs/sync/replay.h"
#include "unit/replay_fixture.h"

namespace emlfs {
namespace {

using State = store::Change::State;

class AppendReplay : public ReplayUnit {
 protected:
  AppendReplay() { session_.mailboxes["A"]; }

  test::MailboxSession session_{{}};
};

// From then on it is what a person retries; nobody can have changed it in between.
TEST_F(AppendReplay, WhatIsRefusedIsParkedBeforeTheNextIsSent) {
  append(10, "From: a\r\n\r\none\r\n");
  append(11, "From: a\r\n\r\ntwo\r\n");
  int sent = 0;
  session_.on_append = [&](const auto&) {
    if (++sent == 1) throw Error(Code::quota, Scope::mailbox, "full", "NO [OVERQUOTA]");
    EXPECT_EQ(pending_.changes().front().state, State::parked);
  };
  sync::replay(session_, store(), ignore_);
  EXPECT_EQ(sent, 2);
  EXPECT_EQ(pending_.parked(), 1U);
  EXPECT_FALSE(cache_->snapshot()->message(MessageId{10}));
  EXPECT_TRUE(cache_->snapshot()->message(MessageId{11}));
}

TEST_F(AppendReplay, OneThatIsBeingWrittenIsNotDamaged) {
  append(10, "From: a\r\n\r\none\r\n");
  const auto run = pending_.next();
  pending_.amend(MessageId{10}, [&](store::Change append) {
    store::writeAt(spool_.open(append.spool).get(), "more", append.size);
    append.size = 0;
    return store::Batch{.update = {append}};
  });
  const sync::Refused refused = [](const auto&, const Error& error) {
    ADD_FAILURE() << error.what();
  };
  sync::appendMessages(session_, store(), run, ignore_, refused);
  EXPECT_EQ(pending_.changes().front().state, State::pending);
  EXPECT_EQ(pending_.changes().front().size, 0U);
}

TEST_F(AppendReplay, OneWithoutItsBytesIsRefused) {
  append(10, "From: a\r\n\r\none\r\n");
  spool_.remove(pending_.changes().front().spool);
  sync::replay(session_, store(), ignore_);
  ASSERT_EQ(pending_.parked(), 1U);
  EXPECT_EQ(pending_.changes().front().error, Code::damaged);
}

}  // namespace
}  // namespace emlfs
