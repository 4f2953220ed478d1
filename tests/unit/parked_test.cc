// What a person has sent again that the server had refused.
#include "emlfs/sync/parked.h"

#include <gmock/gmock.h>

#include "emlfs/base/error.h"
#include "unit/replay_fixture.h"

namespace emlfs {
namespace {

using testing::ElementsAre;

class ParkedTest : public ReplayUnit {
 protected:
  void refuseAll() {
    while (!pending_.next().empty())
      pending_.park(pending_.next(), Error(Code::refused, Scope::mailbox, "no"));
  }
  std::vector<uint64_t> numbers() const {
    std::vector<uint64_t> all;
    for (const auto& change : pending_.changes()) all.push_back(change.number);
    return all;
  }
  static std::vector<uint64_t> idsOf(const sync::Run& run) {
    std::vector<uint64_t> all;
    for (const auto& change : run) all.push_back(change.id.value);
    return all;
  }
};

TEST_F(ParkedTest, WhatIsGoneKeepsNothingElse) {
  update([](auto& change) {
    change.putMessage(test::sampleMessage(12, test::mailboxId(1), 7));
    auto mailbox = *change.mailbox(test::mailboxId(1));
    mailbox.state.complete = true;
    change.putMailbox(mailbox);
  });
  for (const uint64_t id : {11U, 12U}) {
    auto change = move("<1@example.org>", 10);
    change.id = MessageId{id};
    change.source.uid = static_cast<Uid>(id - 5);
    pending_.add({.add = {change}});
  }
  refuseAll();
  const auto retried = sync::retryParked(store(), numbers(), ignore_);
  EXPECT_THAT(idsOf(retried.changes), ElementsAre(12U));
  EXPECT_THAT(idsOf(retried.gone), ElementsAre(11U));
  EXPECT_EQ(pending_.parked(), 1U);
  EXPECT_EQ(idsOf(pending_.next()), std::vector<uint64_t>{12});
}

// A new version in place of the message 12, which was put back and got other flags.
TEST_F(ParkedTest, ANewVersionHasTheFlagsThatTheOldOneHasNow) {
  auto old = test::sampleMessage(12, test::mailboxId(1), 7);
  update([&](auto& change) { change.putMessage(old); });
  append(11, "From: a\r\n\r\none\r\n");
  const auto spool = pending_.appendOf(MessageId{11}).value().spool;
  store::Change deletion = move("<12@example.org>", 10);
  deletion.kind = store::Change::Kind::flags;
  deletion.id = MessageId{12};
  deletion.source.uid = 7;
  deletion.add = Flags({"\\Deleted"});
  deletion.spool = spool;
  pending_.add({.add = {deletion}});
  refuseAll();
  ASSERT_EQ(pending_.parked(), 2U);
  old.flags = Flags({"\\Flagged"});
  update([&](auto& change) { change.putMessage(old); });
  const auto retried = sync::retryParked(store(), {numbers().front()}, ignore_);
  EXPECT_THAT(idsOf(retried.changes), ElementsAre(11U, 12U));
  EXPECT_EQ(pending_.appendOf(MessageId{11}).value().add, Flags({"\\Flagged"}));
}

}  // namespace
}  // namespace emlfs
