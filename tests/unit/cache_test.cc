// The cache's records, settings and bodies, through its interface.
#include <limits>

#include "support/cache_samples.h"
#include "unit/cache_fixture.h"

namespace emlfs {
namespace {

using store::Cache;
using store::MailboxRecord;
using store::MessageRecord;
using test::mailboxId;
using test::sampleMailbox;
using test::sampleMessage;
using testing::ElementsAre;
using testing::IsEmpty;

TEST_F(CacheTest, MailboxKeepsEveryField) {
  MailboxRecord record = sampleMailbox(kDirectoryBit - 1, std::string(255, '\xff'));
  record.wire = std::string(70'000, 'w');
  record.selectable = false;
  record.special_use = "\\Sent";
  record.inode = std::numeric_limits<uint64_t>::max();
  record.changed = std::numeric_limits<int64_t>::min();
  record.subdirectories = 99;
  record.state = {.uid_validity = 4294967295,
                  .uid_next = 4294967294,
                  .highest_modseq = std::numeric_limits<uint64_t>::max(),
                  .listed_to = 4294967293,
                  .messages = 4294967292,
                  .complete = true};
  update([&](auto& change) { change.putMailbox(record); });
  reopen();
  auto found = cache_->snapshot()->mailbox(record.id);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->id, record.id);
  EXPECT_EQ(found->parent, record.parent);
  EXPECT_EQ(found->name, record.name);
  EXPECT_EQ(found->wire, record.wire);
  EXPECT_FALSE(found->selectable);
  EXPECT_EQ(found->special_use, "\\Sent");
  EXPECT_EQ(found->inode, record.inode);
  EXPECT_EQ(found->changed, record.changed);
  EXPECT_EQ(found->subdirectories, 0u);
  EXPECT_EQ(found->state, record.state);
  EXPECT_EQ(cache_->highestId(), kDirectoryBit - 1);
}

void expectSame(const MessageRecord& found, const MessageRecord& record) {
  EXPECT_EQ(found.id, record.id);
  EXPECT_EQ(found.mailbox, record.mailbox);
  EXPECT_EQ(found.uid, record.uid);
  EXPECT_EQ(found.inode, record.inode);
  EXPECT_EQ(found.name, record.name);
  EXPECT_EQ(found.flags, record.flags);
  EXPECT_EQ(found.date, record.date);
  EXPECT_EQ(found.size, record.size);
  EXPECT_EQ(found.size_known, record.size_known);
  EXPECT_EQ(found.modseq, record.modseq);
  EXPECT_EQ(found.message_id, record.message_id);
}

TEST_F(CacheTest, MessageKeepsEveryField) {
  MessageRecord large = sampleMessage(kDirectoryBit - 1, mailboxId(5), 4294967295);
  large.inode = std::numeric_limits<uint64_t>::max();
  large.name = std::string(255, 'n');
  large.flags = Flags(std::vector<std::string>{"\\Seen", std::string(3000, 'k'), "$\xc3\xa4"});
  large.date = {std::numeric_limits<int64_t>::min(), std::numeric_limits<int16_t>::min()};
  large.size = std::numeric_limits<uint64_t>::max();
  large.size_known = true;
  large.modseq = std::numeric_limits<uint64_t>::max();
  large.message_id = std::string("<a\0b>", 5) + std::string(100'000, 'm');
  MessageRecord small;
  small.id = MessageId{kFirstLocalId};
  small.mailbox = mailboxId(5);
  small.uid = 1;
  small.name = "x";
  update([&](auto& change) {
    change.putMailbox(sampleMailbox(5, "INBOX"));
    change.putMessage(large);
    change.putMessage(small);
  });
  reopen();
  auto snapshot = cache_->snapshot();
  expectSame(snapshot->message(large.id).value(), large);
  expectSame(snapshot->message(small.id).value(), small);
  EXPECT_EQ(snapshot->byUid(mailboxId(5), 4294967295), large.id);
  EXPECT_THAT(uids(mailboxId(5)), ElementsAre(1, 4294967295));
  EXPECT_THAT(uids(mailboxId(5), 4294967295), IsEmpty());
}

TEST_F(CacheTest, SettingsAreKept) {
  update([](auto& change) {
    change.putSetting("server", "old");
    change.putSetting("server", "new");
    change.putSetting("empty", "");
  });
  reopen();
  EXPECT_EQ(cache_->snapshot()->setting("server"), "new");
  EXPECT_EQ(cache_->snapshot()->setting("empty"), "");
  EXPECT_EQ(cache_->snapshot()->setting("none"), std::nullopt);
  EXPECT_EQ(refused([](auto& change) { change.putSetting(std::string(512, 'k'), "v"); }),
            Code::invalid);
}

TEST_F(CacheTest, ChunksAreCounted) {
  std::string full(store::kChunkBytes, 'x');
  update([&](auto& change) {
    change.putMailbox(sampleMailbox(2, "a"));
    for (Uid uid : {1, 2, 3}) change.putMessage(sampleMessage(10 + uid, mailboxId(2), uid));
    change.putChunk(MessageId{11}, 1, "the end");
    change.putChunk(MessageId{11}, 0, full);
    change.putChunk(MessageId{12}, 0, "");
    change.putChunk(MessageId{12}, 0, "four");
    change.putChunk(MessageId{99}, 0, "of nobody");
  });
  EXPECT_EQ(refused([&](auto& change) { change.putChunk(MessageId{13}, 0, full + "x"); }),
            Code::invalid);
  EXPECT_EQ(cache_->snapshot()->chunk(MessageId{11}, 0), full);
  EXPECT_EQ(cache_->snapshot()->chunk(MessageId{11}, 2), std::nullopt);
  EXPECT_EQ(cache_->snapshot()->chunk(MessageId{99}, 0), std::nullopt);
  auto size = cache_->size();
  EXPECT_EQ(size.bodies, 2u);
  EXPECT_EQ(size.body_bytes, full.size() + 7 + 4);
  EXPECT_EQ(size.messages, 3u);
  EXPECT_EQ(size.mailboxes, 1u);
  EXPECT_GT(size.file_bytes, full.size());

  update([](auto& change) {
    change.removeMessage(MessageId{11});
    change.removeMessage(MessageId{99});
  });
  EXPECT_EQ(cache_->size().bodies, 1u);
  EXPECT_EQ(cache_->size().body_bytes, 4u);
  EXPECT_EQ(cache_->snapshot()->chunk(MessageId{11}, 1), std::nullopt);
  EXPECT_THAT(uids(mailboxId(2)), ElementsAre(2, 3));
}

TEST_F(CacheTest, HoldsAHundredThousandMessages) {
  constexpr Uid kMessages = 100'000;
  constexpr Uid kBatch = 2'000;
  update([](auto& change) {
    change.putMailbox(sampleMailbox(2, "large"));
    change.putMailbox(sampleMailbox(3, "child", mailboxId(2)));
    change.putMailbox(sampleMailbox(4, "other"));
    change.putMessage(sampleMessage(10, mailboxId(4), 1));
  });
  for (Uid first = 1; first <= kMessages; first += kBatch) {
    update([&](auto& change) {
      for (Uid uid = first; uid < first + kBatch; ++uid) {
        change.putMessage(sampleMessage(10 + uid, mailboxId(2), uid));
        if (uid % 10 == 0) change.putChunk(MessageId{10 + uid}, 0, "body");
      }
    });
  }
  EXPECT_EQ(cache_->size().messages, kMessages + 1);
  EXPECT_EQ(uids(mailboxId(2), 0, kMessages + 1).size(), kMessages);
  EXPECT_THAT(uids(mailboxId(2), kMessages - 2), ElementsAre(kMessages - 1, kMessages));
  cache_.reset();
  EXPECT_THAT(test::checkCache(dir_.path()), IsEmpty());
  cache_ = Cache::open(dir_.path());

  update([](auto& change) { change.removeMessages(mailboxId(2)); });
  EXPECT_EQ(cache_->size().messages, 1u);
  EXPECT_EQ(cache_->size().bodies, 0u);
  EXPECT_THAT(uids(mailboxId(2)), IsEmpty());
  EXPECT_THAT(directories(mailboxId(2)), ElementsAre("child"));
}

}  // namespace
}  // namespace emlfs
