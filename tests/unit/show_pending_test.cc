// The view after a start: the cache as a crash, or a person, left it, and the journal over it.
#include <gtest/gtest.h>

#include "emlfs/store/ids.h"
#include "emlfs/sync/change.h"
#include "emlfs/sync/pending.h"
#include "emlfs/view/names.h"
#include "support/cache_samples.h"
#include "unit/cache_fixture.h"

namespace emlfs {
namespace {

using store::Change;
using test::mailboxId;
using test::sampleMailbox;
using test::sampleMessage;

class ShowPending : public CacheTest {
 protected:
  void SetUp() override {
    const auto from = sampleMailbox(1, "A");
    const auto to = sampleMailbox(2, "C");
    auto message = sampleMessage(10, from.id, 5);
    message.shown = store::Shown::arrived;
    message.directory = to.id;
    update([&](auto& change) {
      change.putMailbox(from);
      change.putMailbox(to);
      change.putMessage(message);
    });
    Change rename;
    rename.kind = Change::Kind::rename_mailbox;
    rename.id = MessageId{to.id.value};
    rename.mailbox = "B";
    rename.other = "C";
    rename.state = Change::State::begun;
    Change move;
    move.id = message.id;
    move.source = {"A", 1, 5, message.message_id, message.size};
    move.mailbox = "B";
    pending_->add({.add = {rename, move}});
  }

  const test::ScratchDir state_;
  std::unique_ptr<store::Journal> journal_ = store::Journal::open(state_ / "state");
  std::unique_ptr<store::IdSource> ids_ = store::IdSource::open(state_ / "state");
  std::unique_ptr<sync::Pending> pending_ = std::make_unique<sync::Pending>(*journal_);
  const view::NameFormat names_{"{subject}.{uid}"};
};

// The server has done it, the store knows, and a crash kept it from the journal.
TEST_F(ShowPending, AMessageStaysInAMailboxThatHasItsNewName) {
  sync::showPending({*cache_, *ids_, names_, pending_.get()});
  const auto message = cache_->snapshot()->message(MessageId{10});
  ASSERT_TRUE(message);
  EXPECT_EQ(store::shownIn(*message), mailboxId(2));
}

// A crash kept from the view what the journal has, and nothing is left to be sent.
class SettledView : public ShowPending {
 protected:
  // In C, under its UID 6.
  store::MessageRecord settled(MailboxId shown) {
    auto message = sampleMessage(11, mailboxId(2), 6);
    message.name = "older.eml";
    message.shown = store::Shown::arrived;
    message.directory = shown;
    update([&](auto& change) { change.putMessage(message); });
    return message;
  }
  store::MessageRecord now(uint64_t id) {
    sync::showPending({*cache_, *ids_, names_, pending_.get()});
    return cache_->snapshot()->message(MessageId{id}).value();
  }
  store::NameKey key(Uid uid) const {
    return {"C", sampleMailbox(2, "C").state.uid_validity, uid, {}};
  }
};

TEST_F(SettledView, AMessageHasTheNameThatItWasGiven) {
  settled(mailboxId(2));
  pending_->add({.put_names = {{key(6), "C", "newer.eml"}}});
  EXPECT_EQ(now(11).name, "newer.eml");
}

TEST_F(SettledView, NamesOfMessagesThatAreGoneAreForgotten) {
  settled(mailboxId(2));
  pending_->drop(pending_->mailboxChanges());  // its UIDs may be about to get other names
  pending_->add({.put_names = {{key(5), "C", "gone.eml"}, {key(9), "C", "to come.eml"}}});
  const auto listed = [&](bool complete) {
    update([&](auto& change) {
      auto mailbox = change.mailbox(mailboxId(2)).value();
      mailbox.state.complete = complete;
      mailbox.state.listed_to = 8;
      change.putMailbox(mailbox);
    });
  };
  listed(false);
  now(11);
  EXPECT_EQ(pending_->nameOf(key(5)), "gone.eml");
  listed(true);
  now(11);
  EXPECT_EQ(pending_->nameOf(key(5)), std::nullopt);
  EXPECT_EQ(pending_->nameOf(key(9)), "to come.eml");
}

TEST_F(SettledView, WhoHasTheNameKeepsIt) {
  settled(mailboxId(2));
  auto other = sampleMessage(12, mailboxId(2), 7);
  other.name = "newer.eml";
  update([&](auto& change) { change.putMessage(other); });
  pending_->add({.put_names = {{key(6), "C", "newer.eml"}}});
  EXPECT_EQ(now(11).name, "older.eml");
  EXPECT_EQ(now(12).name, "newer.eml");
}

TEST_F(SettledView, AMessageIsWhereTheServerHasIt) {
  settled(mailboxId(1));
  pending_->add({.put_names = {{key(6), "C", "newer.eml"}}});
  const auto message = now(11);
  EXPECT_EQ(store::shownIn(message), mailboxId(2));
  EXPECT_EQ(message.name, "newer.eml");
}

TEST_F(SettledView, ANameThatFlagsWaitBesideIsTheNewerOne) {
  settled(mailboxId(2));
  pending_->add({.put_names = {{key(6), "C", "newer.eml"}}});
  Change flags;
  flags.kind = Change::Kind::flags;
  flags.id = MessageId{11};
  flags.source = {"C", sampleMailbox(2, "C").state.uid_validity, 6, {}, 100};
  pending_->add({.add = {flags}});
  EXPECT_EQ(now(11).name, "newer.eml");
}

// A crash came when the journal had it refused, and the view had not.
class RefusedView : public ShowPending {
 protected:
  // Of the message with that id and UID in A, as an earlier mount has left it.
  void refused(Change::Kind kind, store::MessageRecord message) {
    update([&](auto& change) { change.putMessage(message); });
    Change change;
    change.kind = kind;
    change.id = message.id;
    change.source = {"A", 1, message.uid, message.message_id, message.size};
    change.mailbox = kind == Change::Kind::flags ? "" : "C";
    change.state = Change::State::parked;
    pending_->add({.add = {change}});
  }
  static store::MessageRecord sample(uint64_t id, Uid uid, store::Shown shown) {
    auto message = sampleMessage(id, mailboxId(1), uid);
    message.name = std::to_string(id) + ".eml";
    message.shown = shown;
    if (shown == store::Shown::arrived) message.directory = mailboxId(2);
    return message;
  }
  std::optional<MailboxId> shownNow(uint64_t id) {
    sync::showPending({*cache_, *ids_, names_, pending_.get()});
    const auto message = cache_->snapshot()->message(MessageId{id});
    return message ? store::shownIn(*message) : std::nullopt;
  }
};

TEST_F(RefusedView, AMovedMessageIsWhereItWas) {
  refused(Change::Kind::move, sample(11, 6, store::Shown::arrived));
  EXPECT_EQ(shownNow(11), mailboxId(1));
}

TEST_F(RefusedView, OneThatIsMovedAgainStays) {
  refused(Change::Kind::move, sample(11, 6, store::Shown::arrived));
  Change again;
  again.id = MessageId{11};
  again.source = {"A", 1, 6, "", 100};
  again.mailbox = "C";
  pending_->add({.add = {again}});
  EXPECT_EQ(shownNow(11), mailboxId(2));
}

TEST_F(RefusedView, OneThatHasArrivedThereSinceStays) {
  auto message = sample(11, 6, store::Shown::arrived);
  message.mailbox = mailboxId(2);
  refused(Change::Kind::move, message);
  EXPECT_EQ(shownNow(11), mailboxId(2));
}

TEST_F(RefusedView, ADeletedMessageIsSeenUnlessTheServerHasItDeleted) {
  auto message = sample(11, 6, store::Shown::hidden);
  refused(Change::Kind::flags, message);
  EXPECT_EQ(shownNow(11), mailboxId(1));
  message = sample(12, 7, store::Shown::hidden);
  message.flags = Flags({"\\Deleted"});
  refused(Change::Kind::flags, message);
  EXPECT_FALSE(shownNow(12));
}

TEST_F(RefusedView, ANewMessageThatNobodyHasIsNotThere) {
  auto message = sample(11, 0, store::Shown::arrived);
  message.mailbox = mailboxId(2);
  refused(Change::Kind::append, message);
  EXPECT_FALSE(shownNow(11));
}

}  // namespace
}  // namespace emlfs
