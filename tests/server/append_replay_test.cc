// New messages, from the file that a program writes to each real server: each arrives exactly once,
// whatever breaks on the way, with its bytes, its time and its flags.
#include "server/append_replay.h"

#include <gmock/gmock.h>

#include <random>

#include "support/soak.h"

namespace emlfs::sync {
namespace {

using test::Direction;
using test::ImapServer;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

const std::vector<ReplayCase> kCases{
    {ImapServer::Kind::dovecot, "Dovecot", {}},
    {ImapServer::Kind::dovecot, "DovecotOneByOne", {"MULTIAPPEND", "LITERAL+", "IDLE"}},
    {ImapServer::Kind::dovecot, "DovecotWithoutUidplus", {"UIDPLUS", "QRESYNC", "CONDSTORE"}},
    {ImapServer::Kind::courier, "Courier", {}},
    {ImapServer::Kind::cyrus, "Cyrus", {}},
};

TEST_P(AppendReplayTest, WhatIsWrittenArrivesAsItIs) {
  const auto writer = this->writer();
  const std::string large = numberedMail(3, 300'000);
  writer->add("A", "one.eml", numberedMail(1));
  writer->add("A", "two.eml:2,FS", numberedMail(2));
  writer->add("B", "three.eml", large);
  const auto id = writer->record("A", "one.eml").id;
  EXPECT_EQ(writer->drafts().read(id, 0, 1000), numberedMail(1));
  EXPECT_EQ(writer->record("A", "one.eml").uid, 0U);
  writer->settle();

  auto in_a = onServer("A");
  ASSERT_EQ(in_a.size(), 2U);
  EXPECT_EQ(in_a[numberedMail(1)].copies, 1);
  EXPECT_THAT(in_a[numberedMail(1)].date, testing::HasSubstr("13-Sep-2020"));
  EXPECT_THAT(in_a[numberedMail(2)].flags, testing::HasSubstr("\\Flagged"));
  EXPECT_THAT(in_a[numberedMail(2)].flags, testing::HasSubstr("\\Seen"));
  EXPECT_EQ(onServer("B")[large].copies, 1);

  const auto record = writer->record("A", "one.eml");
  EXPECT_EQ(record.id, id);
  EXPECT_NE(record.uid, 0U);
  EXPECT_EQ(record.date.seconds, test::SyncClient::kWritten);
  EXPECT_THAT(writer->names("A"), UnorderedElementsAre("one.eml", "two.eml:2,FS"));
  EXPECT_THAT(writer->spool(), IsEmpty());
  EXPECT_EQ(writer->cache().snapshot()->chunk(id, 0), numberedMail(1));
  // The names are the person's.
  writer->reopen(true);
  writer->sync();
  EXPECT_THAT(writer->names("A"), UnorderedElementsAre("one.eml", "two.eml:2,FS"));
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
      now[fmt::format("n{}.eml", number)] = numberedMail(number, random() % 2000);
    }
    for (const auto& [name, bytes] : now) writer->add("A", name, bytes);
    const auto direction = round % 3 == 0 ? Direction::to_client : Direction::to_server;
    const uint64_t most = direction == Direction::to_server ? 4'000 : 700;
    if (settleCut(*writer, direction, 1 + random() % most)) ++cuts;
    proxy_->cutNoMore();
    // Some of those that were cut off were killed, some of those lost their cache.
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
  writer->add("A", "one.eml", numberedMail(1));
  writer->add("B", "two.eml", numberedMail(2));
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
  EXPECT_EQ(onServer("B")[numberedMail(2)].copies, 1);
  writer->reopen(true);
  writer->sync();
  EXPECT_EQ(writer->spool().size(), 1U);
  EXPECT_EQ(writer->pending().parked(), 1U);
}

// Beside this journal there is one of another account, of which only the spool is seen.
TEST_P(AppendReplayTest, ADeletionWaitsForWhatIsSentElsewhere) {
  const auto writer = this->writer();
  writer->add("A", "one.eml", numberedMail(1));
  writer->settle();
  const store::Spool other(writer->siblingState());  // cp A/one.eml OTHER/; rm A/one.eml
  const auto copy = other.create(MessageId{1});
  store::writeAt(copy.fd.get(), numberedMail(1), 0);
  other.mark(copy.name, true);
  changeFlags(writer->store(), {writer->record("A", "one.eml").id}, Flags({"\\Deleted"}), {},
              writer->ignore());
  writer->send();
  EXPECT_EQ(onServer("A")[numberedMail(1)].copies, 1);
  EXPECT_TRUE(writer->pending().held());
  other.remove(copy.name);
  writer->settle();
  EXPECT_THAT(onServer("A"), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Each, AppendReplayTest, testing::ValuesIn(kCases),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace emlfs::sync
