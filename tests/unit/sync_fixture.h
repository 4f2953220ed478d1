// A store that follows a model of a server.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>

#include "emlfs/base/error.h"
#include "emlfs/sync/sync.h"
#include "support/model_session.h"
#include "support/scratch_dir.h"

namespace emlfs {

using test::ModelMailbox;
using test::ModelSession;

class StoreTest : public testing::Test {
 protected:
  StoreTest()
      : cache_(store::Cache::open(directory_.path() + "/cache")),
        ids_(store::IdSource::open(directory_.path() + "/state")) {}

  sync::Store store() { return {*cache_, *ids_, names_}; }

  MailboxId mailbox(ModelSession& session) {
    ListEntry inbox;
    inbox.wire = "INBOX";
    inbox.delimiter = '/';
    session.listing = {inbox};
    sync::refreshTree(session, session.namespaces(), store(), doubts_, ignore_);
    return MailboxId{cache_->snapshot()->find(kRoot, "INBOX")->node};
  }

  // Every message of the model is in the store as it is in the model, and nothing else is.
  void expectSame(const ModelMailbox& model, MailboxId id) {
    std::map<Uid, Flags> stored;
    const auto snapshot = cache_->snapshot();
    snapshot->messages(id, 0, [&](const store::MessageRecord& message) {
      stored.emplace(message.uid, message.flags);
      EXPECT_EQ(snapshot->find(id, message.name)->node, message.id.value);
      return true;
    });
    std::map<Uid, Flags> expected;
    for (const auto& [uid, message] : model.messages) expected.emplace(uid, message.flags);
    EXPECT_EQ(stored, expected);
    EXPECT_EQ(snapshot->mailbox(id)->state.messages, model.messages.size());
    EXPECT_TRUE(snapshot->mailbox(id)->state.complete);
  }

  test::ScratchDir directory_;
  std::unique_ptr<store::Cache> cache_;
  std::unique_ptr<store::IdSource> ids_;
  view::NameFormat names_;
  sync::OnChange ignore_ = [](const sync::TreeChange&) {};
  sync::Doubts doubts_;
};

}  // namespace emlfs
