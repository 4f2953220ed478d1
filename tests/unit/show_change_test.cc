// What is seen of a change, when the server has refused it or its mailbox has gone before that
// could be shown.
#include <gtest/gtest.h>

#include <algorithm>

#include "emlfs/sync/change.h"
#include "sync/sent.h"
#include "unit/replay_fixture.h"

namespace emlfs {
namespace {

using store::Change;
using test::mailboxId;

constexpr MessageId kMessage{10};

class ShowChange : public ReplayUnit {
 protected:
  // In A, and the kernel knows it.
  void SetUp() override {
    ReplayUnit::SetUp();
    auto message = test::sampleMessage(kMessage.value, mailboxId(1), 5);
    message.name = "a.eml";
    update([&](auto& change) { change.putMessage(message); });
  }
  void journal(Change::Kind kind, Change::State state) {
    const auto message = cache_->snapshot()->message(kMessage).value();
    Change change;
    change.kind = kind;
    change.id = kMessage;
    change.source = {"A", 1, message.uid, message.message_id, message.size};
    change.state = state;
    if (kind == Change::Kind::move) change.mailbox = "B";
    if (kind == Change::Kind::flags) change.add = Flags({"\\Deleted"});
    pending_.add({.add = {change}});
  }
  void move() { sync::showMove(store(), kMessage, mailboxId(2), "b.eml", tell_); }
  void remove() { sync::showDeletion(store(), {kMessage}, tell_); }
  std::optional<MailboxId> shown() const {
    const auto message = cache_->snapshot()->message(kMessage);
    return message ? store::shownIn(*message) : std::nullopt;
  }
  // What the kernel hears of that directory.
  sync::TreeChange toldOf(MailboxId directory) const {
    const auto at = std::ranges::find(told_, directory, &sync::TreeChange::directory);
    return at == told_.end() ? sync::TreeChange() : *at;
  }
  // The kernel has put it into B, and hears that it isn't there.
  void expectTakenBack() {
    const auto there = toldOf(mailboxId(2));
    EXPECT_TRUE(there.entries);
    ASSERT_EQ(there.removed.size(), 1U);
    EXPECT_EQ(there.removed[0].node, kMessage.value);
    EXPECT_EQ(there.removed[0].name, "b.eml");
  }
  void expectBackInA() {
    EXPECT_EQ(shown(), mailboxId(1));
    EXPECT_EQ(node(mailboxId(1), "a.eml"), kMessage.value);
    expectTakenBack();
    ASSERT_EQ(told_.size(), 2U);
    EXPECT_EQ(toldOf(mailboxId(1)).added, std::vector<std::string>{"a.eml"});
  }

  std::vector<sync::TreeChange> told_;
  sync::OnChange tell_ = [this](const sync::TreeChange& change) { told_.push_back(change); };
};

TEST_F(ShowChange, AMoveThatIsPendingIsSeen) {
  journal(Change::Kind::move, Change::State::pending);
  move();
  EXPECT_EQ(node(mailboxId(2), "b.eml"), kMessage.value);
  EXPECT_EQ(node(mailboxId(1), "a.eml"), std::nullopt);
  EXPECT_TRUE(told_.empty());
}

TEST_F(ShowChange, AMoveThatWasRefusedIsNot) {
  journal(Change::Kind::move, Change::State::parked);
  move();
  expectBackInA();
}

TEST_F(ShowChange, AMoveIntoAMailboxThatHasGoneIsNot) {
  journal(Change::Kind::move, Change::State::pending);
  update([](auto& change) { change.removeMailbox(mailboxId(2)); });
  move();
  expectBackInA();
}

TEST_F(ShowChange, NorIsAMessageThatHasGone) {
  journal(Change::Kind::move, Change::State::pending);
  update([](auto& change) { change.removeMessage(kMessage); });
  move();
  expectTakenBack();
  EXPECT_EQ(told_.size(), 1U);
}

TEST_F(ShowChange, ADeletionThatIsPendingIsSeen) {
  journal(Change::Kind::flags, Change::State::pending);
  remove();
  EXPECT_FALSE(shown());
}

TEST_F(ShowChange, ADeletionThatIsDoneIsSeen) {
  update([](auto& change) {
    auto message = change.message(kMessage).value();
    message.flags = Flags({"\\Deleted"});
    change.putMessage(message);
  });
  remove();
  EXPECT_FALSE(shown());
}

TEST_F(ShowChange, ADeletionThatWasRefusedIsNot) {
  journal(Change::Kind::flags, Change::State::parked);
  remove();
  EXPECT_EQ(shown(), mailboxId(1));
}

// Its new mailbox was gone for a moment, and so it was shown in the old one until it was sent.
TEST_F(ShowChange, WhatIsMovedWhileItIsShownInItsOldMailboxIsTold) {
  journal(Change::Kind::move, Change::State::begun);
  auto other = test::sampleMessage(11, mailboxId(2), 6);
  other.name = "a.eml";
  update([&](auto& change) { change.putMessage(other); });
  sync::settle(store(), "B", 0, {{kMessage, 0}}, tell_);
  const auto message = cache_->snapshot()->message(kMessage).value();
  EXPECT_EQ(store::shownIn(message), mailboxId(2));
  EXPECT_EQ(node(mailboxId(2), "a.eml"), 11U);
  EXPECT_EQ(node(mailboxId(2), message.name), kMessage.value);
  ASSERT_EQ(told_.size(), 2U);
  EXPECT_EQ(told_[0].directory, mailboxId(1));
  ASSERT_EQ(told_[0].removed.size(), 1U);
  EXPECT_EQ(told_[0].removed[0].name, "a.eml");
  EXPECT_EQ(told_[1].directory, mailboxId(2));
  EXPECT_EQ(told_[1].added, std::vector{message.name});
}

}  // namespace
}  // namespace emlfs
