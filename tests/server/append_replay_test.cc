// New messages, from the file that a program writes to each real server: each arrives exactly once,
// whatever breaks on the way, with its bytes, its time and its flags.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <limits>
#include <map>
#include <random>

#include "account/drafts.h"
#include "emlfs/base/error.h"
#include "emlfs/sync/change.h"
#include "emlfs/sync/replay.h"
#include "support/imap_client.h"
#include "support/proxy.h"
#include "support/scratch_dir.h"
#include "support/server_test.h"
#include "support/soak.h"
#include "support/tree.h"

namespace emlfs::sync {
namespace {

using store::Change;
using store::MessageRecord;
using test::Direction;
using test::ImapServer;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using Names = std::vector<std::string>;

constexpr int64_t kDate = 1'600'000'000;

// What an account does with drafts, without its threads.
class Writer {
 public:
  Writer(const ImapServer& server, uint16_t port, std::set<std::string> without) {
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
    drafts_.reset();
    spool_.reset();
    pending_.reset();
    journal_.reset();
    ids_.reset();
    cache_.reset();
    if (forget) std::filesystem::remove_all(cache_dir_);
    open();
  }

  imap::Session& session() {
    if (!session_) session_ = imap::Session::open(options_);
    return *session_;
  }
  void disconnect() { session_.reset(); }
  Store store() { return {*cache_, *ids_, names_, pending_.get(), spool_.get()}; }
  const Pending& pending() const { return *pending_; }
  Drafts& drafts() { return *drafts_; }
  std::string siblingState() const { return scratch_ / "state/other"; }
  Names spool() const { return spool_->list(); }

  void sync() {
    auto& session = this->session();
    refreshTree(session, session.namespaces(), store(), doubts_, ignore_);
    drafts_->restore();
    for (const auto& record : cache_->snapshot()->mailboxes()) {
      if (!record.selectable) continue;
      try {
        syncMailbox(session, store(), record.id, ignore_);
      } catch (const Postponed&) {  // later, when it is known what has arrived
      }
    }
  }
  void send() { replay(session(), store(), ignore_); }
  void settle() {
    for (int round = 0; round < 4 && pending_->size() > pending_->parked(); ++round) {
      send();
      sync();
    }
    EXPECT_EQ(pending_->size(), pending_->parked());
  }

  MailboxId mailbox(const std::string& path) const {
    return MailboxId{cache_->snapshot()->find(kRoot, path).value().node};
  }
  MessageRecord record(const std::string& path, const std::string& name) const {
    const auto snapshot = cache_->snapshot();
    const auto found = snapshot->find(mailbox(path), name);
    if (!found) throw std::runtime_error(path + "/" + name + " is not there");
    return snapshot->message(MessageId{found->node}).value();
  }
  Names names(const std::string& path) const {
    const auto snapshot = cache_->snapshot();
    Names found;
    const auto add = [&](const MessageRecord& message) {
      found.push_back(message.name);
      return true;
    };
    snapshot->messages(mailbox(path), 0, [&](const MessageRecord& message) {
      return message.shown != store::Shown::in_place || add(message);
    });
    snapshot->arrivals(mailbox(path), {}, add);
    return found;
  }

  // As cp -p does.
  MessageId write(const std::string& path, const std::string& name, std::string_view bytes) {
    const MessageId id = drafts_->create(mailbox(path), name).id;
    constexpr size_t kPiece = 4096;
    for (size_t at = 0; at < bytes.size(); at += kPiece)
      drafts_->write(id, at, bytes.substr(at, kPiece));
    drafts_->setTime(id, kDate);
    drafts_->closed(mailbox(path), name);
    return id;
  }
  void add(const std::string& path, const std::string& name, std::string_view bytes) {
    write(path, name, bytes);
    drafts_->sealAll();
  }
  const OnChange& ignore() const { return ignore_; }

 private:
  void open() {
    cache_ = store::Cache::open(cache_dir_);
    ids_ = store::IdSource::open(state_dir_);
    ids_->raiseAbove(cache_->highestId());
    journal_ = store::Journal::open(state_dir_);
    pending_ = std::make_unique<Pending>(*journal_);
    spool_ = std::make_unique<store::Spool>(state_dir_);
    drafts_ = std::make_unique<Drafts>(
        store(), *journal_,
        Drafts::Hooks{ignore_, [] {},
                      [this](const store::Snapshot& snapshot, const MessageRecord& message) {
                        auto change = changeOf(Change::Kind::flags, store(), snapshot, message);
                        change.add = Flags({"\\Deleted"});
                        return change;
                      }});
    showPending(store());
    drafts_->recover();
    pending_->holdDeletions([this] { return store::oldestToBeSent(state_dir_); });
  }

  const test::ScratchDir scratch_;
  const std::string cache_dir_ = scratch_ / "cache";
  const std::string state_dir_ = scratch_ / "state/account";
  imap::SessionOptions options_;
  const view::NameFormat names_{"{subject}.{uid}"};
  const OnChange ignore_ = [](const TreeChange&) {};
  std::unique_ptr<store::Cache> cache_;
  std::unique_ptr<store::IdSource> ids_;
  std::unique_ptr<store::Journal> journal_;
  std::unique_ptr<Pending> pending_;
  std::unique_ptr<store::Spool> spool_;
  std::unique_ptr<Drafts> drafts_;
  std::unique_ptr<imap::Session> session_;
  Doubts doubts_;
};

std::string mail(int number, size_t body = 20) {
  return fmt::format(
      "From: Alice <alice@example.org>\r\nSubject: m{0}\r\nMessage-ID: <{0}@example.org>\r\n\r\n"
      "{1}\r\n",
      number, std::string(body, static_cast<char>('a' + number % 26)));
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
    {ImapServer::Kind::dovecot, "DovecotOneByOne", {"MULTIAPPEND", "LITERAL+", "IDLE"}},
    {ImapServer::Kind::dovecot, "DovecotWithoutUidplus", {"UIDPLUS", "QRESYNC", "CONDSTORE"}},
    {ImapServer::Kind::courier, "Courier", {}},
    {ImapServer::Kind::cyrus, "Cyrus", {}},
};

// By the bytes, since no two messages here have the same.
struct OnServer {
  std::string flags;
  std::string date;
  int copies = 0;
};

class AppendReplayTest : public test::ServerTest, public testing::WithParamInterface<Case> {
 protected:
  void SetUp() override {
    start(GetParam().kind);
    if (IsSkipped()) return;
    proxy_ = test::Proxy::start({server().host(), server().imapPort()});
    for (const char* mailbox : {"A", "B"}) server().createMailbox(mailbox);
  }

  std::unique_ptr<Writer> writer() {
    auto writer = std::make_unique<Writer>(server(), proxy_->port(), GetParam().without);
    writer->sync();
    return writer;
  }

  // What is not \Deleted there, over a connection of its own.
  std::map<std::string, OnServer> onServer(const std::string& mailbox) {
    test::ImapClient client(server());
    client.expectOk("EXAMINE \"" + server().wireName(mailbox) + "\"");
    std::map<std::string, OnServer> found;
    for (const Uid uid : client.search("UNDELETED")) {
      const auto answer =
          client.expectOk(fmt::format("UID FETCH {} (FLAGS INTERNALDATE BODY.PEEK[])", uid));
      for (const auto& line : answer.untagged) {
        const size_t literal = line.find("BODY[] {");
        if (literal == std::string::npos) continue;
        const size_t begin = line.find("\r\n", literal) + 2;
        const size_t size = std::stoul(line.substr(literal + 8));
        const auto between = [&](const std::string& from, char to) {
          const size_t at = line.find(from) + from.size();
          return line.substr(at, line.find(to, at) - at);
        };
        auto& one = found[line.substr(begin, size)];
        ++one.copies;
        one.flags = between("FLAGS (", ')');
        one.date = between("INTERNALDATE \"", '"');
      }
    }
    return found;
  }

  std::unique_ptr<test::Proxy> proxy_;
};

TEST_P(AppendReplayTest, WhatIsWrittenArrivesAsItIs) {
  const auto writer = this->writer();
  const std::string large = mail(3, 300'000);
  writer->add("A", "one.eml", mail(1));
  writer->add("A", "two.eml:2,FS", mail(2));
  writer->add("B", "three.eml", large);
  const auto id = writer->record("A", "one.eml").id;
  EXPECT_EQ(writer->drafts().read(id, 0, 1000), mail(1));
  EXPECT_EQ(writer->record("A", "one.eml").uid, 0U);
  writer->settle();

  auto in_a = onServer("A");
  ASSERT_EQ(in_a.size(), 2U);
  EXPECT_EQ(in_a[mail(1)].copies, 1);
  EXPECT_THAT(in_a[mail(1)].date, testing::HasSubstr("13-Sep-2020"));
  EXPECT_THAT(in_a[mail(2)].flags, testing::HasSubstr("\\Flagged"));
  EXPECT_THAT(in_a[mail(2)].flags, testing::HasSubstr("\\Seen"));
  EXPECT_EQ(onServer("B")[large].copies, 1);

  const auto record = writer->record("A", "one.eml");
  EXPECT_EQ(record.id, id);
  EXPECT_NE(record.uid, 0U);
  EXPECT_EQ(record.date.seconds, kDate);
  EXPECT_THAT(writer->names("A"), UnorderedElementsAre("one.eml", "two.eml:2,FS"));
  EXPECT_THAT(writer->spool(), IsEmpty());
  EXPECT_EQ(writer->store().cache.snapshot()->chunk(id, 0), mail(1));
  // The names are the person's.
  writer->reopen(true);
  writer->sync();
  EXPECT_THAT(writer->names("A"), UnorderedElementsAre("one.eml", "two.eml:2,FS"));
}

TEST_P(AppendReplayTest, LineEndsBecomeThoseOfMail) {
  const auto writer = this->writer();
  std::string lf = mail(1);
  std::erase(lf, '\r');
  const MessageId id = writer->write("A", "one.eml", lf);
  EXPECT_EQ(writer->drafts().read(id, 0, 1000), lf);
  writer->drafts().sealAll();
  const auto record = writer->record("A", "one.eml");
  EXPECT_NE(record.id, id) << "what the kernel has cached of the file never changes";
  EXPECT_EQ(record.size, mail(1).size());
  EXPECT_EQ(writer->drafts().read(record.id, 0, 1000), mail(1));
  writer->settle();
  EXPECT_EQ(onServer("A")[mail(1)].copies, 1);
  EXPECT_EQ(writer->record("A", "one.eml").date.seconds, kDate);
}

TEST_P(AppendReplayTest, ADraftOverAMessageReplacesIt) {
  const auto writer = this->writer();
  writer->add("A", "x.eml:2,F", mail(1));
  writer->settle();
  const auto old = writer->record("A", "x.eml:2,F");

  // The same bytes: nothing is sent.
  proxy_->resetStats();
  const auto same = writer->write("A", ".x.tmp", mail(1));
  EXPECT_TRUE(writer->drafts().rename(same, writer->mailbox("A"), "x.eml:2,F", true));
  EXPECT_THAT(writer->names("A"), ElementsAre("x.eml:2,F"));
  writer->drafts().sealAll();
  writer->settle();
  EXPECT_EQ(writer->record("A", "x.eml:2,F").uid, old.uid);
  EXPECT_EQ(writer->record("A", "x.eml:2,F").id, same);
  EXPECT_EQ(onServer("A").size(), 1U);
  EXPECT_EQ(onServer("A")[mail(1)].copies, 1);

  // Others: the old one goes once the new one is there.
  const auto other = writer->write("A", ".x.tmp", mail(2));
  EXPECT_THROW(writer->drafts().rename(other, writer->mailbox("A"), "x.eml:2,F", false), Error);
  EXPECT_TRUE(writer->drafts().rename(other, writer->mailbox("A"), "x.eml:2,F", true));
  writer->send();  // it is not finished
  EXPECT_EQ(onServer("A")[mail(1)].copies, 1);
  writer->drafts().sealAll();
  writer->settle();
  auto now = onServer("A");
  EXPECT_EQ(now.size(), 1U);
  EXPECT_EQ(now[mail(2)].copies, 1);
  EXPECT_THAT(now[mail(2)].flags, testing::HasSubstr("\\Flagged"));
  EXPECT_THAT(writer->names("A"), ElementsAre("x.eml:2,F"));
  EXPECT_EQ(writer->pending().size(), 0U);
  EXPECT_THAT(writer->spool(), IsEmpty());
}

TEST_P(AppendReplayTest, WhatBeganHereCanBeWrittenOn) {
  const auto writer = this->writer();
  const auto id = writer->write("A", "x.eml", mail(1));
  writer->drafts().sealAll();
  // Before it is sent, it is a draft again.
  writer->drafts().write(id, mail(1).size(), "more\r\n");
  writer->send();
  EXPECT_THAT(onServer("A"), IsEmpty());
  writer->drafts().closed(writer->mailbox("A"), "x.eml");
  writer->drafts().sealAll();
  writer->settle();
  EXPECT_EQ(onServer("A")[mail(1) + "more\r\n"].copies, 1);
  // And after that, a new version.
  writer->drafts().write(id, mail(1).size() + 6, "and more\r\n");
  EXPECT_EQ(writer->drafts().read(id, 0, 1000), mail(1) + "more\r\nand more\r\n");
  writer->send();
  EXPECT_EQ(onServer("A").size(), 1U);
  writer->drafts().closed(writer->mailbox("A"), "x.eml");
  writer->drafts().sealAll();
  writer->settle();
  auto now = onServer("A");
  EXPECT_EQ(now.size(), 1U);
  EXPECT_EQ(now[mail(1) + "more\r\nand more\r\n"].copies, 1);
  EXPECT_EQ(writer->record("A", "x.eml").id, id);
  EXPECT_THAT(writer->names("A"), ElementsAre("x.eml"));
  // Not what another mount made.
  writer->reopen(false);
  EXPECT_THROW(writer->drafts().write(id, 0, "X"), Error);
}

TEST_P(AppendReplayTest, ACutAtAnyByteLosesAndDoublesNothing) {
  std::mt19937_64 random(test::chosenSeed());
  const int rounds = test::full() ? 300 : 12;
  constexpr int kTogether = 3;
  int cuts = 0;
  const auto writer = this->writer();
  std::map<std::string, std::string> sent;  // bytes, by name
  for (int round = 0; round < rounds; ++round) {
    std::map<std::string, std::string> now;
    for (int i = 0; i < kTogether; ++i) {
      const int number = round * kTogether + i;
      now[fmt::format("n{}.eml", number)] = mail(number, random() % 2000);
    }
    for (const auto& [name, bytes] : now) writer->add("A", name, bytes);
    const auto direction = round % 3 == 0 ? Direction::to_client : Direction::to_server;
    proxy_->cutAfter(direction, 1 + random() % (direction == Direction::to_server ? 4000 : 700));
    const auto before = proxy_->stats().cuts;
    try {
      writer->disconnect();
      writer->settle();
    } catch (const Error& error) {
      EXPECT_TRUE(error.scope == Scope::connection || error.scope == Scope::account)
          << error.what();
    }
    if (proxy_->stats().cuts > before) ++cuts;
    proxy_->cutAfter(direction, std::numeric_limits<int64_t>::max());  // not later
    // Some of those that were cut off were killed, some of those lost their cache.
    writer->disconnect();
    if (round % 4 == 3) writer->reopen(round % 8 == 7);
    writer->sync();
    writer->settle();
    const auto names = writer->names("A");
    for (const auto& [name, bytes] : now) {
      EXPECT_EQ(std::ranges::count(names, name), 1) << name << " in round " << round;
      sent[name] = bytes;
    }
  }
  const auto all = onServer("A");
  EXPECT_EQ(all.size(), sent.size());
  for (const auto& [name, bytes] : sent) {
    const auto at = all.find(bytes);
    ASSERT_NE(at, all.end()) << name << " is lost";
    EXPECT_EQ(at->second.copies, 1) << name;
  }
  EXPECT_THAT(writer->spool(), IsEmpty());
  fmt::print("{} cuts in {} rounds, {} messages added, 0 lost, 0 doubled\n", cuts, rounds,
             sent.size());
  EXPECT_GT(cuts, rounds / 4);
}

TEST_P(AppendReplayTest, WhatIsRefusedIsKept) {
  const auto writer = this->writer();
  writer->add("A", "one.eml", mail(1));
  writer->add("B", "two.eml", mail(2));
  server().deleteMailbox("A");
  writer->send();
  EXPECT_EQ(writer->pending().parked(), 1U);
  const auto changes = writer->pending().changes();
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].error, Code::not_found) << changes[0].server;
  EXPECT_THAT(writer->names("A"), IsEmpty());
  ASSERT_EQ(writer->spool().size(), 1U);
  // It holds what is deleted later.
  writer->sync();
  changeFlags(writer->store(), {writer->record("B", "two.eml").id}, Flags({"\\Deleted"}), {},
              writer->ignore());
  writer->send();
  EXPECT_EQ(onServer("B")[mail(2)].copies, 1);
  writer->reopen(true);
  writer->sync();
  EXPECT_EQ(writer->spool().size(), 1U);
  EXPECT_EQ(writer->pending().parked(), 1U);
}

// Beside this journal there is one of another account, of which only the spool is seen.
TEST_P(AppendReplayTest, ADeletionWaitsForWhatIsSentElsewhere) {
  const auto writer = this->writer();
  writer->add("A", "one.eml", mail(1));
  writer->settle();
  const store::Spool other(writer->siblingState());  // cp A/one.eml OTHER/; rm A/one.eml
  const auto copy = other.create(MessageId{1});
  store::writeAt(copy.fd.get(), mail(1), 0);
  other.mark(copy.name, true);
  changeFlags(writer->store(), {writer->record("A", "one.eml").id}, Flags({"\\Deleted"}), {},
              writer->ignore());
  writer->send();
  EXPECT_EQ(onServer("A")[mail(1)].copies, 1);
  EXPECT_TRUE(writer->pending().held());
  other.remove(copy.name);
  writer->settle();
  EXPECT_THAT(onServer("A"), IsEmpty());
}

TEST_P(AppendReplayTest, DraftsOutliveTheMount) {
  const auto writer = this->writer();
  writer->write("A", "done.eml", mail(1));
  writer->write("A", ".half.tmp", mail(2));
  writer->drafts().create(writer->mailbox("A"), "empty.eml");
  for (const bool forget : {false, true}) {
    writer->reopen(forget);
    writer->sync();
    EXPECT_THAT(writer->names("A"), UnorderedElementsAre("done.eml", ".half.tmp", "empty.eml"));
    EXPECT_EQ(writer->drafts().read(writer->record("A", "done.eml").id, 0, 1000), mail(1));
  }
  EXPECT_EQ(writer->drafts().unsent().size(), 3U);
  writer->drafts().sealAll();
  writer->settle();
  EXPECT_EQ(onServer("A").size(), 1U);
  EXPECT_EQ(onServer("A")[mail(1)].copies, 1);
  EXPECT_EQ(writer->drafts().unsent().size(), 2U);
  EXPECT_TRUE(writer->drafts().remove(writer->record("A", ".half.tmp").id));
  EXPECT_THAT(writer->names("A"), UnorderedElementsAre("done.eml", "empty.eml"));
}

INSTANTIATE_TEST_SUITE_P(Each, AppendReplayTest, testing::ValuesIn(kCases),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace emlfs::sync
