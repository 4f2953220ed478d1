// Changes of messages, sent to each real server: each happens exactly once, whatever breaks on the
// way, and the view never shows a message twice or nowhere.
#include "emlfs/sync/replay.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <map>
#include <random>

#include "emlfs/base/error.h"
#include "emlfs/store/cache.h"
#include "emlfs/sync/change.h"
#include "emlfs/sync/parked.h"
#include "server/replay.h"
#include "support/soak.h"

namespace emlfs::sync {
namespace {

using test::Direction;
using test::ImapServer;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using Names = std::vector<std::string>;

const std::vector<ReplayCase> kCases{
    {ImapServer::Kind::dovecot, "Dovecot", {}},
    {ImapServer::Kind::dovecot, "DovecotWithoutMove", {"MOVE"}},
    {ImapServer::Kind::dovecot, "DovecotWithoutQresync", {"QRESYNC", "CONDSTORE"}},
    {ImapServer::Kind::courier, "Courier", {}},
    {ImapServer::Kind::cyrus, "Cyrus", {}},
};

class ReplayTest : public ReplayFixture, public testing::WithParamInterface<ReplayCase> {
 protected:
  void SetUp() override { startBehindProxy(GetParam().kind, {"A", "B"}); }

  std::unique_ptr<test::SyncClient> client() { return ReplayFixture::client(GetParam().without); }

  // What the server has, by a client that knows nothing: "m1" for each message, with \Deleted ones
  // left out, and the flags where they are looked for.
  std::map<std::string, Names> onServer() {
    const auto fresh = this->fresh();
    std::map<std::string, Names> all;
    for (const char* mailbox : {"INBOX", "A", "B"}) {
      Names& names = all[mailbox];
      for (const auto& name : fresh->names(mailbox))
        names.push_back(name.substr(0, name.find('.')));
      std::sort(names.begin(), names.end());
    }
    return all;
  }

  // Both are refused, because A is gone for as long as they are sent.
  void haveMovesRefused(test::SyncClient& client, const std::string& first_name) {
    client.move("INBOX", "m1.1.eml", "A", first_name);
    client.move("INBOX", "m2.2.eml", "A", "m2.2.eml");
    server().deleteMailbox("A");
    client.send();
    ASSERT_EQ(client.pending().parked(), 2U);
    server().createMailbox("A");
    client.sync();
  }
};

TEST_P(ReplayTest, WhatIsChangedIsSeenAtOnceAndSentOnce) {
  deliver("INBOX", 1, 8);
  server().changeFlags("INBOX", "1", "+\\Flagged $Work");
  const auto client = this->client();
  ASSERT_EQ(client->names("INBOX").size(), 8U);
  const auto id1 = client->message("INBOX", "m1.1.eml");
  const auto date = client->cache().snapshot()->message(id1)->date;

  client->move("INBOX", "m1.1.eml", "A", "m1.1.eml");
  client->move("INBOX", "m2.2.eml", "A", "second.eml");
  client->move("INBOX", "m3.3.eml", "B", "m3.3.eml");
  client->move("B", "m3.3.eml", "A", "third.eml");      // before the server knows the first
  client->move("INBOX", "m4.4.eml", "INBOX", "4.eml");  // a name alone
  changeFlags(client->store(), {client->message("INBOX", "m5.5.eml")},
              Flags({"\\Answered", "$Due"}), {}, client->ignore());
  changeFlags(client->store(), {client->message("INBOX", "m6.6.eml")}, Flags({"\\Deleted"}), {},
              client->ignore());
  expungeMessages(client->store(), {client->message("INBOX", "m7.7.eml")}, client->ignore());
  changeFlags(client->store(), {id1}, {}, Flags({"\\Flagged"}), client->ignore());

  const auto as_wanted = [&] {
    EXPECT_THAT(client->names("INBOX"), UnorderedElementsAre("4.eml", "m5.5.eml", "m8.8.eml"));
    EXPECT_THAT(client->names("A"), UnorderedElementsAre("m1.1.eml", "second.eml", "third.eml"));
    EXPECT_THAT(client->names("B"), IsEmpty());
  };
  as_wanted();
  client->sync();  // the server has heard of nothing yet
  as_wanted();
  EXPECT_THROW(client->move("INBOX", "m8.8.eml", "A", "third.eml"), Error);
  client->settle();
  as_wanted();
  EXPECT_EQ(client->pending().size(), 0U);

  auto on_server = onServer();
  EXPECT_THAT(on_server["INBOX"], ElementsAre("m4", "m5", "m8"));
  EXPECT_THAT(on_server["A"], ElementsAre("m1", "m2", "m3"));
  EXPECT_THAT(on_server["B"], IsEmpty());
  const auto moved = client->cache().snapshot()->message(id1);
  ASSERT_TRUE(moved);
  EXPECT_EQ(moved->mailbox, client->mailbox("A"));
  EXPECT_NE(moved->uid, 0U);
  EXPECT_EQ(moved->date, date);
  EXPECT_TRUE(moved->flags.has("$Work"));
  EXPECT_FALSE(moved->flags.has("\\Flagged"));

  // What anybody deletes is hidden, and shown again if he thinks better of it.
  server().changeFlags("INBOX", "6", "-\\Deleted");
  server().changeFlags("INBOX", "8", "+\\Deleted");
  client->sync();
  EXPECT_THAT(client->names("INBOX"), UnorderedElementsAre("4.eml", "m5.5.eml", "m6.6.eml"));
  server().changeFlags("INBOX", "8", "-\\Deleted");
  server().changeFlags("INBOX", "6", "+\\Deleted");
  client->sync();
  as_wanted();

  // The names belong to the person: they outlive the cache.
  client->reopen(true);
  client->sync();
  as_wanted();
}

TEST_P(ReplayTest, ACutAtAnyByteLosesAndDoublesNothing) {
  std::mt19937_64 random(test::chosenSeed());
  const int rounds = test::full() ? 300 : 16;
  constexpr int kMessages = 4;
  int cuts = 0;
  const auto client = this->client();
  for (int round = 0; round < rounds; ++round) {
    deliver("INBOX", round * kMessages, round * kMessages + kMessages - 1);
    client->sync();
    const auto names = client->names("INBOX");
    ASSERT_EQ(names.size(), static_cast<size_t>(kMessages));
    std::map<std::string, MessageId> ids;
    for (const auto& name : names) {
      ids[name] = client->message("INBOX", name);
      client->move("INBOX", name, round % 2 == 0 ? "A" : "B", name);
    }
    const auto direction = round % 3 == 0 ? Direction::to_server : Direction::to_client;
    const uint64_t most = direction == Direction::to_server ? 300 : 900;
    if (settleCut(*client, direction, 1 + random() % most)) ++cuts;
    // Some of the clients that were cut off were killed, some of those lost their cache.
    const bool forget = round % 8 == 7;
    if (round % 4 == 3) client->reopen(forget);
    client->sync();
    client->settle();
    for (const auto& name : names) {
      const auto& mailbox = round % 2 == 0 ? "A" : "B";
      const auto now = client->names(mailbox);
      EXPECT_EQ(std::count(now.begin(), now.end(), name), 1)
          << name << " in round " << round << ": "
          << testing::PrintToString(
                 Names(now.end() - std::min<ptrdiff_t>(now.size(), 9), now.end()));
      if (forget) continue;
      EXPECT_EQ(client->message(mailbox, name), ids[name]) << "of round " << round;
    }
    EXPECT_THAT(client->names("INBOX"), IsEmpty());
  }
  auto on_server = onServer();
  EXPECT_THAT(on_server["INBOX"], IsEmpty());
  std::set<std::string> all(on_server["A"].begin(), on_server["A"].end());
  all.insert(on_server["B"].begin(), on_server["B"].end());
  EXPECT_EQ(on_server["A"].size() + on_server["B"].size(), static_cast<size_t>(rounds * kMessages));
  EXPECT_EQ(all.size(), static_cast<size_t>(rounds * kMessages));
  fmt::print("{} cuts in {} rounds, {} messages moved, 0 lost, 0 doubled\n", cuts, rounds,
             rounds * kMessages);
  EXPECT_GT(cuts, rounds / 4);
}

TEST_P(ReplayTest, AnotherClientWasFirst) {
  deliver("INBOX", 1, 4);
  const auto client = this->client();
  client->move("INBOX", "m1.1.eml", "A", "m1.1.eml");
  client->move("INBOX", "m2.2.eml", "A", "m2.2.eml");
  changeFlags(client->store(), {client->message("INBOX", "m3.3.eml")}, Flags({"\\Deleted"}), {},
              client->ignore());
  server().expunge("INBOX", "1");
  server().move("INBOX", "2:3", "B");
  client->settle();
  client->sync();
  // What others did stays, and nothing that they took away is shown.
  auto on_server = onServer();
  EXPECT_THAT(on_server["INBOX"], ElementsAre("m4"));
  EXPECT_THAT(on_server["A"], IsEmpty());
  EXPECT_THAT(on_server["B"], ElementsAre("m2", "m3"));
  EXPECT_THAT(client->names("A"), IsEmpty());
  EXPECT_EQ(client->names("B").size(), 2U);
  EXPECT_THAT(client->names("INBOX"), ElementsAre("m4.4.eml"));
}

TEST_P(ReplayTest, WhatIsRefusedIsUndoneAndKept) {
  deliver("INBOX", 1, 2);
  const auto client = this->client();
  client->move("INBOX", "m1.1.eml", "A", "m1.1.eml");
  server().deleteMailbox("A");
  client->send();
  EXPECT_EQ(client->pending().parked(), 1U);
  EXPECT_THAT(client->names("INBOX"), UnorderedElementsAre("m1.1.eml", "m2.2.eml"));
  client->sync();
  EXPECT_THAT(client->names("INBOX"), UnorderedElementsAre("m1.1.eml", "m2.2.eml"));
  EXPECT_EQ(client->pending().size(), 1U);
}

TEST_P(ReplayTest, WhatWasRefusedIsRetriedAndSeenAgain) {
  deliver("INBOX", 1, 3);
  const auto client = this->client();
  ASSERT_NO_FATAL_FAILURE(haveMovesRefused(*client, "mine.eml"));
  const auto refused = client->pending().changes();

  // The journal and the view survive whatever happens between the two.
  retryParked(client->store(), {refused[0].number}, client->ignore());
  EXPECT_THAT(client->names("A"), ElementsAre("mine.eml"));
  EXPECT_THAT(client->names("INBOX"), UnorderedElementsAre("m2.2.eml", "m3.3.eml"));
  client->reopen(false);
  client->settle();
  EXPECT_THAT(client->names("A"), ElementsAre("mine.eml"));
  EXPECT_EQ(client->pending().size(), 1U);

  EXPECT_THAT(dropParked(client->store(), {refused[1].number}), IsEmpty());
  client->settle();
  EXPECT_EQ(client->pending().size(), 0U);
  EXPECT_THAT(client->names("INBOX"), UnorderedElementsAre("m2.2.eml", "m3.3.eml"));
  auto on_server = onServer();
  EXPECT_THAT(on_server["INBOX"], ElementsAre("m2", "m3"));
  EXPECT_THAT(on_server["A"], ElementsAre("m1"));
}

TEST_P(ReplayTest, ARetriedChangeIsAboutWhereItsMessageIsNow) {
  deliver("INBOX", 1, 2);
  const auto client = this->client();
  ASSERT_NO_FATAL_FAILURE(haveMovesRefused(*client, "m1.1.eml"));
  client->move("INBOX", "m1.1.eml", "B", "m1.1.eml");
  client->move("INBOX", "m2.2.eml", "A", "m2.2.eml");  // a person does it again
  client->settle();
  std::vector<uint64_t> refused;
  for (const auto& change : client->pending().changes()) refused.push_back(change.number);
  ASSERT_EQ(refused.size(), 2U);
  retryParked(client->store(), refused, client->ignore());
  client->settle();
  EXPECT_EQ(client->pending().size(), 0U);
  EXPECT_THAT(client->names("B"), IsEmpty());
  EXPECT_THAT(client->names("A"), UnorderedElementsAre("m1.1.eml", "m2.2.eml"));
  EXPECT_THAT(onServer()["A"], ElementsAre("m1", "m2"));
}

INSTANTIATE_TEST_SUITE_P(Each, ReplayTest, testing::ValuesIn(kCases),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace emlfs::sync
