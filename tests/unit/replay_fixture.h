// A cache with the mailboxes A and B, a journal and a spool, for tests of what is sent.
#pragma once

#include <memory>
#include <string>

#include "emlfs/store/ids.h"
#include "emlfs/store/spool.h"
#include "emlfs/sync/pending.h"
#include "emlfs/sync/sync.h"
#include "support/cache_samples.h"
#include "unit/cache_fixture.h"
#include "unit/mailbox_session.h"

namespace emlfs {

class ReplayUnit : public CacheTest {
 protected:
  void SetUp() override {
    update([](auto& change) {
      change.putMailbox(test::sampleMailbox(1, "A"));
      change.putMailbox(test::sampleMailbox(2, "B"));
    });
  }

  sync::Store store() { return {*cache_, *ids_, names_, &pending_, &spool_}; }

  // A new message in A that is finished.
  void append(uint64_t id, const std::string& bytes) {
    auto message = test::sampleMessage(id, test::mailboxId(1), 0);
    message.name = std::to_string(id) + ".eml";
    message.shown = store::Shown::arrived;
    message.directory = test::mailboxId(1);
    message.size = bytes.size();
    update([&](auto& change) { change.putMessage(message); });
    const auto file = spool_.create(MessageId{id});
    store::writeAt(file.fd.get(), bytes, 0);
    store::Change change;
    change.kind = store::Change::Kind::append;
    change.id = MessageId{id};
    change.mailbox = "A";
    change.spool = file.name;
    change.size = bytes.size();
    pending_.add({.add = {change}});
  }
  // Of the message with UID 5 in A to B.
  static store::Change move(const std::string& message_id, uint64_t size) {
    store::Change change;
    change.id = MessageId{10};
    change.source = {"A", 1, 5, message_id, size};
    change.mailbox = "B";
    return change;
  }

  const test::ScratchDir state_;
  std::unique_ptr<store::Journal> journal_ = store::Journal::open(state_ / "state");
  std::unique_ptr<store::IdSource> ids_ = store::IdSource::open(state_ / "state");
  const store::Spool spool_{state_ / "state"};
  sync::Pending pending_{*journal_};
  const view::NameFormat names_{"{subject}.{uid}"};
  const sync::OnChange ignore_ = [](const sync::TreeChange&) {};
};

}  // namespace emlfs
