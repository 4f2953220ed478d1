// Where mailboxes and messages are in the cache, how they move and go, and what fits nowhere.
#include "support/cache_samples.h"
#include "unit/cache_fixture.h"

namespace emlfs {
namespace {

using store::MailboxRecord;
using store::MessageRecord;
using test::mailboxId;
using test::sampleMailbox;
using test::sampleMessage;
using testing::ElementsAre;
using testing::IsEmpty;

TEST_F(CacheTest, MailboxesMove) {
  update([](auto& change) {
    change.putMailbox(sampleMailbox(9, "a"));
    change.putMailbox(sampleMailbox(3, "b"));
    change.putMailbox(sampleMailbox(4, "child", mailboxId(9)));
  });
  EXPECT_THAT(directories(kRoot), ElementsAre("b", "a"));
  EXPECT_THAT(directories(kRoot, mailboxId(3).value), ElementsAre("a"));
  EXPECT_EQ(cache_->snapshot()->mailbox(mailboxId(9))->subdirectories, 1u);

  update([](auto& change) { change.putMailbox(sampleMailbox(4, "moved", mailboxId(3))); });
  EXPECT_THAT(directories(mailboxId(9)), IsEmpty());
  EXPECT_THAT(directories(mailboxId(3)), ElementsAre("moved"));
  EXPECT_EQ(cache_->snapshot()->mailbox(mailboxId(9))->subdirectories, 0u);
  EXPECT_EQ(cache_->snapshot()->mailbox(mailboxId(3))->subdirectories, 1u);
  EXPECT_EQ(node(mailboxId(9), "child"), std::nullopt);
  EXPECT_EQ(node(mailboxId(3), "moved"), mailboxId(4).value);

  // A record read before its children came must not take their number back.
  update([](auto& change) { change.putMailbox(sampleMailbox(3, "renamed")); });
  EXPECT_EQ(cache_->snapshot()->mailbox(mailboxId(3))->subdirectories, 1u);
  EXPECT_EQ(cache_->snapshot()->mailboxes().size(), 3u);
}

TEST_F(CacheTest, TheRootMayHaveARecord) {
  MailboxRecord root;
  root.id = kRoot;
  update([&](auto& change) {
    change.putMailbox(sampleMailbox(2, "a"));
    change.putMailbox(root);
    change.putMailbox(sampleMailbox(3, "b"));
  });
  EXPECT_EQ(cache_->snapshot()->mailbox(kRoot)->subdirectories, 2u);
  update([](auto& change) { change.removeMailbox(mailboxId(2)); });
  EXPECT_EQ(cache_->snapshot()->mailbox(kRoot)->subdirectories, 1u);
}

TEST_F(CacheTest, RefusesMailboxesThatFitNowhere) {
  update([](auto& change) {
    change.putMailbox(sampleMailbox(2, "a"));
    change.putMailbox(sampleMailbox(3, "b", mailboxId(2)));
    change.putMailbox(sampleMailbox(4, "c", mailboxId(3)));
    change.putMessage(sampleMessage(10, mailboxId(2), 1));
  });
  auto put = [this](const MailboxRecord& record) {
    return refused([&](auto& change) { change.putMailbox(record); });
  };
  std::string taken = sampleMessage(10, mailboxId(2), 1).name;
  EXPECT_EQ(put(sampleMailbox(5, "a")), Code::invalid);
  EXPECT_EQ(put(sampleMailbox(5, taken, mailboxId(2))), Code::invalid);
  EXPECT_EQ(put(sampleMailbox(5, "x", mailboxId(77))), Code::invalid);
  EXPECT_EQ(put(sampleMailbox(5, "")), Code::invalid);
  EXPECT_EQ(put(sampleMailbox(5, std::string(256, 'x'))), Code::invalid);
  EXPECT_EQ(put(sampleMailbox(2, "a", mailboxId(2))), Code::invalid);
  EXPECT_EQ(put(sampleMailbox(2, "a", mailboxId(4))), Code::invalid);
  MailboxRecord unmarked = sampleMailbox(5, "x");
  unmarked.id = MailboxId{5};
  EXPECT_EQ(put(unmarked), Code::invalid);
  EXPECT_EQ(refused([](auto& change) { change.removeMailbox(mailboxId(2)); }), Code::invalid);
  EXPECT_EQ(refused([](auto& change) { change.removeMailbox(kRoot); }), Code::invalid);
  EXPECT_EQ(node(kRoot, "a"), mailboxId(2).value);
}

TEST_F(CacheTest, MessagesMove) {
  MessageRecord record = sampleMessage(10, mailboxId(2), 7);
  std::string first_name = record.name;
  update([&](auto& change) {
    change.putMailbox(sampleMailbox(2, "a"));
    change.putMailbox(sampleMailbox(3, "b"));
    change.putMessage(record);
    change.putChunk(record.id, 0, "body");
  });
  record.name = "given.eml";
  update([&](auto& change) { change.putMessage(record); });
  EXPECT_EQ(node(mailboxId(2), first_name), std::nullopt);
  EXPECT_EQ(node(mailboxId(2), "given.eml"), 10u);

  record.mailbox = mailboxId(3);
  record.uid = 0;
  update([&](auto& change) { change.putMessage(record); });
  EXPECT_EQ(node(mailboxId(2), "given.eml"), std::nullopt);
  EXPECT_EQ(node(mailboxId(3), "given.eml"), 10u);
  EXPECT_EQ(cache_->snapshot()->byUid(mailboxId(2), 7), std::nullopt);
  EXPECT_THAT(uids(mailboxId(3)), IsEmpty());

  record.uid = 8;
  update([&](auto& change) { change.putMessage(record); });
  EXPECT_EQ(cache_->snapshot()->byUid(mailboxId(3), 8), record.id);
  EXPECT_EQ(cache_->snapshot()->chunk(record.id, 0), "body");
}

TEST_F(CacheTest, RefusesMessagesThatFitNowhere) {
  update([](auto& change) {
    change.putMailbox(sampleMailbox(2, "a"));
    change.putMailbox(sampleMailbox(3, "sub", mailboxId(2)));
    change.putMessage(sampleMessage(10, mailboxId(2), 1));
    change.putMessage(sampleMessage(11, mailboxId(2), 2));
  });
  auto put = [this](uint64_t id, MailboxId mailbox, Uid uid, std::string name) {
    return refused([&](auto& change) {
      MessageRecord record = sampleMessage(id, mailbox, uid);
      record.name = std::move(name);
      change.putMessage(record);
    });
  };
  EXPECT_EQ(put(12, mailboxId(2), 3, sampleMessage(10, mailboxId(2), 1).name), Code::invalid);
  EXPECT_EQ(put(11, mailboxId(2), 2, sampleMessage(10, mailboxId(2), 1).name), Code::invalid);
  EXPECT_EQ(put(12, mailboxId(2), 3, "sub"), Code::invalid);
  EXPECT_EQ(put(12, mailboxId(2), 1, "x"), Code::invalid);
  EXPECT_EQ(put(12, mailboxId(9), 1, "x"), Code::invalid);
  EXPECT_EQ(put(12, mailboxId(2), 3, ""), Code::invalid);
  EXPECT_EQ(put(12, mailboxId(2), 3, std::string(256, 'x')), Code::invalid);
  EXPECT_EQ(put(kRootNode, mailboxId(2), 3, "x"), Code::invalid);
  EXPECT_EQ(put(kDirectoryBit | 12, mailboxId(2), 3, "x"), Code::invalid);
  EXPECT_EQ(node(mailboxId(2), std::string(2000, 'x')), std::nullopt);
}

// What the view shows is set apart from what the server has, and neither forgets the other.
TEST_F(CacheTest, MessagesAreShownElsewhereOrNowhere) {
  MessageRecord record = sampleMessage(10, mailboxId(2), 7);
  const auto arrivals = [&](MailboxId directory) {
    std::vector<uint64_t> found;
    cache_->snapshot()->arrivals(directory, {}, [&](const MessageRecord& message) {
      found.push_back(message.id.value);
      return true;
    });
    return found;
  };
  update([&](auto& change) {
    change.putMailbox(sampleMailbox(2, "a"));
    change.putMailbox(sampleMailbox(3, "b"));
    change.putMessage(record);
    change.putMessage(sampleMessage(11, mailboxId(3), 1));
  });
  const std::string name = record.name;

  record.shown = store::Shown::arrived;
  record.directory = mailboxId(3);
  update([&](auto& change) { change.putMessage(record); });
  EXPECT_EQ(node(mailboxId(2), name), std::nullopt);
  EXPECT_EQ(node(mailboxId(3), name), 10u);
  EXPECT_THAT(uids(mailboxId(2)), ElementsAre(7));
  EXPECT_THAT(arrivals(mailboxId(3)), ElementsAre(10));
  EXPECT_EQ(store::shownIn(*cache_->snapshot()->message(record.id)), mailboxId(3));

  // It can't lose its directory before its own mailbox does.
  EXPECT_EQ(refused([](auto& change) { change.removeMailbox(mailboxId(3)); }), Code::invalid);
  MessageRecord other = sampleMessage(12, mailboxId(3), 2);
  other.name = name;
  EXPECT_EQ(refused([&](auto& change) { change.putMessage(other); }), Code::invalid);
  MessageRecord nowhere = record;
  nowhere.directory = mailboxId(99);
  EXPECT_EQ(refused([&](auto& change) { change.putMessage(nowhere); }), Code::invalid);

  // The server has it there now: it keeps its place in the listing.
  record.mailbox = mailboxId(3);
  record.uid = 2;
  update([&](auto& change) { change.putMessage(record); });
  EXPECT_THAT(uids(mailboxId(3)), ElementsAre(1, 2));
  EXPECT_THAT(arrivals(mailboxId(3)), ElementsAre(10));

  record.shown = store::Shown::hidden;
  update([&](auto& change) { change.putMessage(record); });
  EXPECT_EQ(node(mailboxId(3), name), std::nullopt);
  EXPECT_THAT(arrivals(mailboxId(3)), IsEmpty());
  EXPECT_THAT(uids(mailboxId(3)), ElementsAre(1, 2));

  update([](auto& change) { change.removeMailbox(mailboxId(3)); });
  EXPECT_FALSE(cache_->snapshot()->message(record.id));
}

TEST_F(CacheTest, RemovingAMailboxTakesItsMessages) {
  MessageRecord pending = sampleMessage(30, mailboxId(2), 0);
  update([&](auto& change) {
    change.putMailbox(sampleMailbox(2, "a"));
    change.putMailbox(sampleMailbox(3, "b"));
    change.putMessage(sampleMessage(11, mailboxId(2), 1));
    change.putMessage(pending);
    change.putMessage(sampleMessage(12, mailboxId(3), 1));
    for (uint64_t id : {11, 12, 30}) change.putChunk(MessageId{id}, 0, "body");
  });
  update([](auto& change) {
    change.removeMailbox(mailboxId(2));
    change.removeMailbox(mailboxId(2));
  });
  EXPECT_FALSE(cache_->snapshot()->message(MessageId{11}));
  EXPECT_FALSE(cache_->snapshot()->message(pending.id));
  EXPECT_THAT(directories(kRoot), ElementsAre("b"));
  EXPECT_THAT(uids(mailboxId(3)), ElementsAre(1));
  EXPECT_EQ(cache_->size().bodies, 1u);
  EXPECT_EQ(cache_->highestId(), 30u);
}

}  // namespace
}  // namespace emlfs
