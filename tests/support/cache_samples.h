// Records for tests of the store.
#pragma once

#include <string>
#include <utility>

#include "emlfs/store/cache.h"

namespace emlfs::test {

inline MailboxId mailboxId(uint64_t number) {
  return MailboxId{number | kDirectoryBit};
}

inline store::MailboxRecord sampleMailbox(uint64_t number, std::string name,
                                          MailboxId parent = kRoot) {
  store::MailboxRecord record;
  record.id = mailboxId(number);
  record.parent = parent;
  record.wire = name;
  record.name = std::move(name);
  record.selectable = true;
  record.inode = 1000 + number;
  return record;
}

inline store::MessageRecord sampleMessage(uint64_t id, MailboxId mailbox, Uid uid) {
  store::MessageRecord record;
  record.id = MessageId{id};
  record.mailbox = mailbox;
  record.uid = uid;
  record.inode = 2000 + id;
  record.name = "2026-11-20_Alice_Report." + std::to_string(uid) + ".eml";
  record.flags = Flags({"\\Seen", "$Work"});
  record.date = {1'795'000'000 + static_cast<int64_t>(uid), 60};
  record.size = 1234 + uid;
  record.modseq = 77;
  record.message_id = "<" + std::to_string(id) + "@example.org>";
  return record;
}

}  // namespace emlfs::test
