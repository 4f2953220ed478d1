// A journal, and what is pending in it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "emlfs/sync/pending.h"
#include "support/scratch_dir.h"

namespace emlfs::sync {

class PendingTest : public testing::Test {
 protected:
  static store::Change change(store::Change::Kind kind, uint64_t id, const std::string& from,
                              Uid uid, const std::string& to = {}) {
    store::Change made;
    made.kind = kind;
    made.id = MessageId{id};
    made.source = {from, 7, uid, "<id>", 100};
    made.mailbox = to;
    return made;
  }
  static store::Change deletion(uint64_t id, const std::string& from, Uid uid) {
    store::Change made = change(store::Change::Kind::flags, id, from, uid);
    made.add = Flags({"\\Deleted"});
    return made;
  }
  static store::Change append(uint64_t id, const std::string& to) {
    store::Change made = change(store::Change::Kind::append, id, "", 0, to);
    made.source.uid_validity = 0;
    made.spool = std::to_string(id) + ".eml";
    made.size = 100;
    made.date = {5, 0};
    return made;
  }
  void add(std::vector<store::Change> changes) { pending_->add({.add = std::move(changes)}); }
  void reopen() {
    pending_.reset();
    journal_.reset();
    journal_ = store::Journal::open(dir_.path());
    pending_ = std::make_unique<Pending>(*journal_);
  }
  std::vector<uint64_t> next() const {
    std::vector<uint64_t> ids;
    for (const auto& each : pending_->next()) ids.push_back(each.id.value);
    return ids;
  }
  // The run was sent, and these are the UIDs that the messages got.
  void arrive(Uid first) {
    std::vector<Bound> bound;
    for (const auto& each : pending_->next())
      bound.push_back({each.number, {each.mailbox, 8, first == 0 ? 0 : first++, "<id>", 100}});
    pending_->done(bound);
  }

  const test::ScratchDir dir_;
  std::unique_ptr<store::Journal> journal_ = store::Journal::open(dir_.path());
  std::unique_ptr<Pending> pending_ = std::make_unique<Pending>(*journal_);
};

}  // namespace emlfs::sync
