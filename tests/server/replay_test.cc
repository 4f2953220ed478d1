// Changes of messages, sent to each real server: each happens exactly once, whatever breaks on the
// way, and the view never shows a message twice or nowhere.
#include "emlfs/sync/replay.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <map>
#include <random>

#include "emlfs/base/error.h"
#include "emlfs/store/cache.h"
#include "emlfs/sync/change.h"
#include "support/proxy.h"
#include "support/scratch_dir.h"
#include "support/server_test.h"
#include "support/soak.h"

namespace emlfs::sync {
namespace {

using imap::Session;
using store::MessageRecord;
using test::Direction;
using test::ImapServer;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using Names = std::vector<std::string>;

// A client with its cache and journal, on a proxy before the server.
class Client {
 public:
  Client(const ImapServer& server, uint16_t port, std::set<std::string> without) : server_(server) {
    options_.endpoint.host = server.host();
    options_.endpoint.port = port;
    options_.endpoint.security = imap::Security::plain;
    options_.endpoint.user = server.user();
    options_.endpoint.timeout = std::chrono::seconds(10);
    options_.without = std::move(without);
    options_.password = [password = server.password()] { return Secret(password); };
    open();
  }

  // As after a kill -9; with `forget`, somebody has deleted the cache as well.
  void reopen(bool forget) {
    session_.reset();
    pending_.reset();
    journal_.reset();
    ids_.reset();
    cache_.reset();
    if (forget) std::filesystem::remove_all(cache_dir_);
    open();
  }

  Session& session() {
    if (!session_) session_ = Session::open(options_);
    return *session_;
  }
  void disconnect() { session_.reset(); }
  const store::Cache& cache() const { return *cache_; }
  Store store() { return {*cache_, *ids_, names_, pending_.get()}; }
  const Pending& pending() const { return *pending_; }

  void sync() {
    auto& session = this->session();
    refreshTree(session, session.namespaces(), store(), doubts_, ignore_);
    for (const auto& record : cache_->snapshot()->mailboxes()) {
      if (!record.selectable) continue;
      try {
        syncMailbox(session, store(), record.id, ignore_);
      } catch (const Error& error) {
        if (error.code != Code::busy) throw;  // later, when it is known what has arrived
      }
    }
  }
  void send() { replay(session(), store(), ignore_); }
  // Until nothing is left to be sent or found out.
  void settle() {
    for (int round = 0; round < 4 && pending_->size() > pending_->parked(); ++round) {
      send();
      sync();
    }
    EXPECT_EQ(pending_->size(), pending_->parked());
  }

  MailboxId mailbox(const std::string& path) const {
    MailboxId at = kRoot;
    at = MailboxId{cache_->snapshot()->find(kRoot, path).value().node};
    return at;
  }
  // Names that readers of the directory see; each exactly once, and found by its name.
  Names names(const std::string& path) const {
    const auto snapshot = cache_->snapshot();
    const MailboxId directory = mailbox(path);
    Names found;
    const auto add = [&](const MessageRecord& message) {
      found.push_back(message.name);
      EXPECT_EQ(snapshot->find(directory, message.name).value().node, message.id.value);
      return true;
    };
    snapshot->messages(directory, 0, [&](const MessageRecord& message) {
      return message.shown != store::Shown::in_place || add(message);
    });
    snapshot->arrivals(directory, {}, add);
    return found;
  }
  MessageId message(const std::string& path, const std::string& name) const {
    return MessageId{cache_->snapshot()->find(mailbox(path), name).value().node};
  }
  void move(const std::string& from, const std::string& name, const std::string& to,
            const std::string& new_name) {
    moveMessage(store(), message(from, name), mailbox(to), new_name, ignore_);
  }
  const OnChange& ignore() const { return ignore_; }

 private:
  void open() {
    cache_ = store::Cache::open(cache_dir_);
    ids_ = store::IdSource::open(state_dir_);
    ids_->raiseAbove(cache_->highestId());
    journal_ = store::Journal::open(state_dir_);
    pending_ = std::make_unique<Pending>(*journal_);
  }

  const ImapServer& server_;
  const test::ScratchDir scratch_;
  const std::string cache_dir_ = scratch_ / "cache";
  const std::string state_dir_ = scratch_ / "state";
  imap::SessionOptions options_;
  const view::NameFormat names_{"{subject}.{uid}"};
  const OnChange ignore_ = [](const TreeChange&) {};
  std::unique_ptr<store::Cache> cache_;
  std::unique_ptr<store::IdSource> ids_;
  std::unique_ptr<store::Journal> journal_;
  std::unique_ptr<Pending> pending_;
  std::unique_ptr<Session> session_;
  Doubts doubts_;
};

std::string messageNumber(int number) {
  return fmt::format(
      "From: Alice <alice@example.org>\r\nSubject: m{0}\r\nMessage-ID: <{0}@example.org>\r\n\r\n"
      "The body of {0}\r\n",
      number);
}

struct Case {
  ImapServer::Kind kind;
  const char* name;
  std::set<std::string> without;
};
void PrintTo(const Case& one, std::ostream* out) {
  *out << one.name;
}

const std::vector<Case> kCases{
    {ImapServer::Kind::dovecot, "Dovecot", {}},
    {ImapServer::Kind::dovecot, "DovecotWithoutMove", {"MOVE"}},
    {ImapServer::Kind::dovecot, "DovecotWithoutQresync", {"QRESYNC", "CONDSTORE"}},
    {ImapServer::Kind::courier, "Courier", {}},
    {ImapServer::Kind::cyrus, "Cyrus", {}},
};

class ReplayTest : public test::ServerTest, public testing::WithParamInterface<Case> {
 protected:
  void SetUp() override {
    start(GetParam().kind);
    if (IsSkipped()) return;
    proxy_ = test::Proxy::start({server().host(), server().imapPort()});
    for (const char* mailbox : {"A", "B"}) server().createMailbox(mailbox);
  }

  std::unique_ptr<Client> client() {
    auto client = std::make_unique<Client>(server(), proxy_->port(), GetParam().without);
    client->sync();
    return client;
  }
  void deliver(const std::string& mailbox, int first, int last) {
    for (int i = first; i <= last; ++i) server().deliver(mailbox, messageNumber(i));
  }

  // What the server has, by a client that knows nothing: "m1" for each message, with \Deleted ones
  // left out, and the flags where they are looked for.
  std::map<std::string, Names> onServer() {
    Client fresh(server(), server().imapPort(), {});
    fresh.sync();
    std::map<std::string, Names> all;
    for (const char* mailbox : {"INBOX", "A", "B"}) {
      Names& names = all[mailbox];
      for (const auto& name : fresh.names(mailbox)) names.push_back(name.substr(0, name.find('.')));
      std::sort(names.begin(), names.end());
    }
    return all;
  }

  std::unique_ptr<test::Proxy> proxy_;
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
    proxy_->cutAfter(direction, 1 + random() % (direction == Direction::to_server ? 300 : 900));
    const auto before = proxy_->stats().cuts;
    try {
      client->disconnect();
      client->settle();
    } catch (const Error& error) {
      EXPECT_TRUE(error.scope == Scope::connection || error.scope == Scope::account)
          << error.what();
    }
    if (proxy_->stats().cuts > before) ++cuts;
    // Some of the clients that were cut off were killed, some of those lost their cache.
    client->disconnect();
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

INSTANTIATE_TEST_SUITE_P(Each, ReplayTest, testing::ValuesIn(kCases),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace emlfs::sync
