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

}  // namespace
}  // namespace emlfs
