// What a reader of the cache sees while it changes.
#include "support/cache_samples.h"
#include "unit/cache_fixture.h"

namespace emlfs {
namespace {

using store::MessageRecord;
using test::mailboxId;
using test::sampleMailbox;
using test::sampleMessage;

TEST_F(CacheTest, WhatIsNotCommittedIsNotThere) {
  {
    auto change = cache_->begin();
    change->putMailbox(sampleMailbox(2, "a"));
    EXPECT_TRUE(change->mailbox(mailboxId(2)));
    EXPECT_FALSE(cache_->snapshot()->mailbox(mailboxId(2)));
  }
  EXPECT_FALSE(cache_->snapshot()->mailbox(mailboxId(2)));
  EXPECT_EQ(cache_->highestId(), 0u);
}

TEST_F(CacheTest, SnapshotsDoNotMove) {
  update([](auto& change) {
    change.putMailbox(sampleMailbox(2, "a"));
    for (Uid uid = 1; uid <= 500; ++uid)
      change.putMessage(sampleMessage(10 + uid, mailboxId(2), uid));
    change.putChunk(MessageId{11}, 0, "old");
  });
  auto before = cache_->snapshot();
  std::string_view old = before->chunk(MessageId{11}, 0).value();
  Uid expected = 0;
  before->messages(mailboxId(2), 0, [&](const MessageRecord& record) {
    EXPECT_EQ(record.uid, ++expected);
    if (record.uid % 50 == 0) {
      update([&](auto& change) {
        change.removeMessage(MessageId{10 + record.uid + 1});
        change.putMessage(sampleMessage(1000 + record.uid, mailboxId(2), 1000 + record.uid));
        change.putChunk(MessageId{11}, 0, "new");
      });
    }
    return true;
  });
  EXPECT_EQ(expected, 500u);
  EXPECT_EQ(old, "old");
  EXPECT_EQ(before->chunk(MessageId{11}, 0), "old");
  EXPECT_EQ(cache_->snapshot()->chunk(MessageId{11}, 0), "new");
  EXPECT_EQ(cache_->snapshot()->message(MessageId{61}), std::nullopt);
}

TEST_F(CacheTest, AnUpdateMayChangeWhatItWalks) {
  update([](auto& change) {
    change.putMailbox(sampleMailbox(2, "a"));
    for (Uid uid = 1; uid <= 1000; ++uid)
      change.putMessage(sampleMessage(10 + uid, mailboxId(2), uid));
  });
  update([](auto& change) {
    Uid seen = 0;
    change.messages(mailboxId(2), 0, [&](const MessageRecord& record) {
      EXPECT_EQ(record.uid, ++seen);
      if (record.uid % 3 != 0) change.removeMessage(record.id);
      return true;
    });
    EXPECT_EQ(seen, 1000u);
  });
  EXPECT_EQ(cache_->size().messages, 333u);
}

}  // namespace
}  // namespace emlfs
