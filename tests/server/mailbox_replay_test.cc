// Mailboxes made, renamed and removed, sent to each real server: each happens exactly once,
// whatever breaks on the way, the view shows it at once, and no message is ever lost with a
// mailbox.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <random>

#include "emlfs/base/error.h"
#include "server/replay.h"
#include "support/soak.h"

namespace emlfs::sync {
namespace {

using test::Direction;
using test::ImapServer;
using test::SyncClient;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;
using Names = std::vector<std::string>;

Code codeOf(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    EXPECT_EQ(error.scope, Scope::mailbox) << error.what();
    return error.code;
  }
  ADD_FAILURE() << "it was allowed";
  return Code::protocol;
}

class MailboxReplayTest : public ReplayFixture,
                          public testing::WithParamInterface<ImapServer::Kind> {
 protected:
  void SetUp() override { startBehindProxy(GetParam(), {"A", "B", "A/sub"}); }

  bool hasTrash(const SyncClient& client) {
    for (const auto& record : client.cache().snapshot()->mailboxes())
      if (record.special_use == "\\Trash") return true;
    return false;
  }
};

TEST_P(MailboxReplayTest, WhatIsChangedIsSeenAtOnceAndSentOnce) {
  deliver("A/sub", 1, 3);
  const auto client = this->client();
  const auto before = client->tree();
  const auto sub = client->mailbox("A/sub");
  const auto message = client->message("A/sub", "m1.1.eml");

  const auto made = client->make("New");
  client->make("New/Grüße & mehr");
  client->move("A/sub", "m2.2.eml", "New/Grüße & mehr", "kept name.eml");
  client->rename("A", "New/A2");
  client->make("A");  // the name is free here, and not yet there
  client->move("New/A2/sub", "m3.3.eml", "A", "third.eml");
  client->rename("New", "Newer");
  client->remove("B");
  client->make("B");
  client->remove("B");

  const auto as_wanted = [&](const SyncClient& one, const Names& sub_names) {
    EXPECT_THAT(one.tree(), Contains("Newer/A2/sub"));
    EXPECT_THAT(one.tree(), Contains("Newer/Grüße & mehr"));
    EXPECT_THAT(one.tree(), Contains("A"));
    EXPECT_THAT(one.tree(), Not(Contains("B")));
    EXPECT_THAT(one.tree(), Not(Contains("New")));
    EXPECT_EQ(one.tree().size(), before.size() + 2);
    EXPECT_EQ(one.names("Newer/A2/sub"), sub_names);
    EXPECT_EQ(one.names("A").size(), 1U);
  };
  as_wanted(*client, {"m1.1.eml"});
  client->sync();  // the server has heard of nothing yet
  as_wanted(*client, {"m1.1.eml"});
  EXPECT_THAT(client->names("Newer/Grüße & mehr"), ElementsAre("kept name.eml"));
  client->reopen(false);
  as_wanted(*client, {"m1.1.eml"});
  client->settle();
  client->sync();
  as_wanted(*client, {"m1.1.eml"});
  EXPECT_THAT(client->names("Newer/Grüße & mehr"), ElementsAre("kept name.eml"));
  EXPECT_THAT(client->names("A"), ElementsAre("third.eml"));
  EXPECT_EQ(client->pending().size(), 0U);
  as_wanted(*fresh(), {"m1.1.eml"});

  // They are the same directories and messages still.
  EXPECT_EQ(client->mailbox("Newer/A2/sub"), sub);
  EXPECT_EQ(client->mailbox("Newer"), made);
  EXPECT_EQ(client->message("Newer/A2/sub", "m1.1.eml"), message);
  // Names that were given in a mailbox go with it.
  client->rename("Newer/Grüße & mehr", "Gruß");
  client->settle();
  client->reopen(true);
  client->sync();
  EXPECT_THAT(client->names("Gruß"), ElementsAre("kept name.eml"));
}

TEST_P(MailboxReplayTest, WhatCantBe) {
  const auto client = this->client();
  const auto before = client->tree();
  EXPECT_EQ(codeOf([&] { client->make(".Trash-0"); }), Code::not_permitted);
  EXPECT_EQ(codeOf([&] { client->rename("A", ".~tmp~"); }), Code::not_permitted);
  EXPECT_EQ(codeOf([&] { client->make("A"); }), Code::exists);
  EXPECT_EQ(codeOf([&] { client->rename("A", "B"); }), Code::exists);
  EXPECT_EQ(codeOf([&] { client->rename("A", "A/sub/A"); }), Code::invalid);
  EXPECT_EQ(codeOf([&] { client->rename("INBOX", "x"); }), Code::busy);
  EXPECT_EQ(codeOf([&] { client->remove("INBOX"); }), Code::busy);
  EXPECT_EQ(codeOf([&] { client->remove("A"); }), Code::not_empty);
  if (GetParam() == ImapServer::Kind::courier) {
    EXPECT_EQ(codeOf([&] { client->make("v1.0"); }), Code::invalid);
    EXPECT_EQ(codeOf([&] { client->make("INBOX/x"); }), Code::denied);
  }
  EXPECT_EQ(client->tree(), before);
  EXPECT_EQ(client->pending().size(), 0U);
}

TEST_P(MailboxReplayTest, OnlyAnEmptyMailboxIsRemoved) {
  const auto client = this->client();
  const auto before = client->tree();
  client->remove("B");
  deliver("B", 1, 1);  // nobody here knows
  client->remove("A/sub");
  server().createMailbox("A/sub/child");
  EXPECT_THAT(client->tree(), Not(Contains("B")));
  client->send();
  EXPECT_EQ(client->pending().parked(), 2U);
  EXPECT_THAT(client->tree(), Contains("B"));
  client->sync();
  EXPECT_THAT(client->names("B"), ElementsAre("m1.1.eml"));
  EXPECT_THAT(client->tree(), Contains("A/sub/child"));
  const auto other = fresh();
  EXPECT_EQ(other->tree(), client->tree());
  EXPECT_THAT(other->names("B"), ElementsAre("m1.1.eml"));
}

TEST_P(MailboxReplayTest, ATreeThatIsRemovedStaysRecoverable) {
  deliver("A/sub", 1, 2);
  const auto client = this->client();
  const auto sub = client->mailbox("A/sub");
  const auto message = client->message("A/sub", "m1.1.eml");
  changeFlags(client->store(), {message, client->message("A/sub", "m2.2.eml")},
              Flags({"\\Deleted"}), {}, client->ignore());
  if (!hasTrash(*client)) {
    EXPECT_EQ(codeOf([&] { client->remove("A/sub"); }), Code::not_empty);
    return;
  }
  client->remove("A/sub");
  client->remove("A");
  EXPECT_THAT(client->tree(), Not(Contains("A")));
  client->sync();
  EXPECT_THAT(client->tree(), Not(Contains("A")));
  client->settle();
  EXPECT_EQ(client->pending().size(), 0U);
  EXPECT_THAT(client->tree(), Not(Contains("A")));
  EXPECT_THAT(client->tree(), Contains("Trash/sub"));
  EXPECT_EQ(client->mailbox("Trash/sub"), sub);
  client->sync();
  EXPECT_THAT(client->names("Trash/sub"), IsEmpty());
  changeFlags(client->store(), {message}, {}, Flags({"\\Deleted"}), client->ignore());
  client->settle();
  EXPECT_THAT(client->names("Trash/sub"), ElementsAre("m1.1.eml"));
  EXPECT_THAT(fresh()->names("Trash/sub"), ElementsAre("m1.1.eml"));
  // What is in there already doesn't take the name of what follows.
  client->make("sub");
  client->move("Trash/sub", "m1.1.eml", "sub", "again.eml");
  client->settle();
  changeFlags(client->store(), {message}, Flags({"\\Deleted"}), {}, client->ignore());
  client->remove("sub");
  client->settle();
  client->sync();
  EXPECT_THAT(client->tree(), Contains("Trash/sub-2"));
}

TEST_P(MailboxReplayTest, AnotherClientWasFirst) {
  const auto client = this->client();
  client->make("Same");
  client->rename("A", "Mine");
  client->remove("B");
  server().createMailbox("Same");
  deliver("Same", 1, 1);
  server().renameMailbox("A", "Theirs");
  server().deleteMailbox("B");
  client->settle();
  client->sync();
  EXPECT_EQ(client->pending().size(), 0U);
  EXPECT_THAT(client->tree(), Contains("Theirs/sub"));
  EXPECT_THAT(client->tree(), Not(Contains("Mine")));
  EXPECT_THAT(client->tree(), Not(Contains("A")));
  EXPECT_THAT(client->names("Same"), ElementsAre("m1.1.eml"));
  EXPECT_EQ(client->tree(), fresh()->tree());
}

TEST_P(MailboxReplayTest, WhatIsRefusedIsUndoneAndKept) {
  deliver("INBOX", 1, 1);
  const auto client = this->client();
  const auto id = client->mailbox("A/sub");
  client->rename("A", "Taken");
  client->make("Taken/fresh");
  client->move("INBOX", "m1.1.eml", "Taken/sub", "m1.eml");
  server().createMailbox("Taken");
  client->settle();
  client->sync();
  EXPECT_EQ(client->pending().parked(), 1U);
  EXPECT_THAT(client->tree(), Contains("Taken"));
  EXPECT_THAT(client->tree(), Contains("A/fresh"));
  EXPECT_EQ(client->mailbox("A/sub"), id);
  EXPECT_THAT(client->names("A/sub"), ElementsAre("m1.eml"));
  EXPECT_EQ(client->tree(), fresh()->tree());
}

TEST_P(MailboxReplayTest, ACutAtAnyByteLosesAndDoublesNothing) {
  std::mt19937_64 random(test::chosenSeed());
  // Courier takes seconds for each connection.
  const int some = GetParam() == ImapServer::Kind::courier ? 5 : 16;
  const int rounds = test::full() ? 200 : some;
  int cuts = 0;
  deliver("A/sub", 1, 1);
  const auto client = this->client();
  const auto message = client->message("A/sub", "m1.1.eml");
  std::string at = "A";
  for (int round = 0; round < rounds; ++round) {
    const auto next = fmt::format("at{}", round);
    const auto made = fmt::format("made{}", round);
    client->rename(at, next);
    client->make(made);
    client->make(at);
    client->remove(at);
    if (round > 0) client->remove(fmt::format("made{}", round - 1));
    at = next;
    Names wanted = client->tree();
    const auto direction = round % 2 == 0 ? Direction::to_server : Direction::to_client;
    const uint64_t most = direction == Direction::to_server ? 900 : 3'000;
    if (settleCut(*client, direction, 1 + random() % most)) ++cuts;
    if (round % 4 == 3) client->reopen(false);
    client->sync();
    EXPECT_EQ(client->tree(), wanted) << "of round " << round;
    client->settle();
    client->sync();
    EXPECT_EQ(client->tree(), wanted) << "of round " << round;
    EXPECT_EQ(client->pending().size(), 0U);
    EXPECT_THAT(client->names(at + "/sub"), ElementsAre("m1.1.eml"));
    if (client->find(at + "/sub")) {
      EXPECT_EQ(client->message(at + "/sub", "m1.1.eml"), message) << "of round " << round;
    }
    if (HasFailure()) break;
  }
  const auto other = fresh();
  EXPECT_EQ(other->tree(), client->tree());
  EXPECT_THAT(other->names(at + "/sub"), ElementsAre("m1.1.eml"));
  fmt::print("{} cuts in {} rounds\n", cuts, rounds);
  EXPECT_GT(cuts, rounds / 4);
}

INSTANTIATE_TEST_SUITE_P(Each, MailboxReplayTest, test::kEachKind,
                         [](const auto& one) { return nameOf(one.param); });

}  // namespace
}  // namespace emlfs::sync
