// The cache's records and indexes, through its interface; checkCache() looks behind it.
#include "emlfs/store/cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "emlfs/base/error.h"
#include "support/cache_check.h"
#include "support/cache_samples.h"
#include "support/scratch_dir.h"

namespace emlfs {
namespace {

using store::Cache;
using store::MailboxRecord;
using store::MessageRecord;
using store::Snapshot;
using test::mailboxId;
using test::sampleMailbox;
using test::sampleMessage;
using testing::ElementsAre;
using testing::IsEmpty;

class CacheTest : public testing::Test {
 protected:
  void TearDown() override {
    cache_.reset();
    EXPECT_THAT(test::checkCache(dir_.path()), IsEmpty());
  }

  void reopen() {
    cache_.reset();
    cache_ = Cache::open(dir_.path());
  }

  template <class Change>
  void update(Change change) {
    auto update = cache_->begin();
    change(*update);
    update->commit();
  }

  // The code of the Error that `change` throws; what it did before is committed.
  template <class Change>
  Code refused(Change change) {
    auto update = cache_->begin();
    try {
      change(*update);
    } catch (const Error& error) {
      update->commit();
      return error.code;
    }
    ADD_FAILURE() << "nothing was refused";
    return Code::system;
  }

  std::vector<Uid> uids(MailboxId mailbox, Uid after = 0, size_t most = 1000) {
    std::vector<Uid> found;
    cache_->snapshot()->messages(mailbox, after, [&](const MessageRecord& record) {
      found.push_back(record.uid);
      return found.size() < most;
    });
    return found;
  }

  std::vector<std::string> directories(MailboxId parent, uint64_t after = 0) {
    std::vector<std::string> found;
    cache_->snapshot()->subdirectories(parent, after, [&](const MailboxRecord& record) {
      found.push_back(record.name);
      return true;
    });
    return found;
  }

  std::optional<uint64_t> node(MailboxId directory, std::string_view name) {
    auto found = cache_->snapshot()->find(directory, name);
    return found ? std::optional(found->node) : std::nullopt;
  }

  test::ScratchDir dir_;
  std::unique_ptr<Cache> cache_ = Cache::open(dir_.path());
};

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
