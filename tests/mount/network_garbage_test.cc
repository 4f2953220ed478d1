// Connections that bring what the server never said while somebody reads: right bytes or an error,
// and all well again afterwards.
#include "mount/network_faults.h"

namespace emlfs::test::faults {
namespace {

TEST_F(NetworkFaults, GarbageFromTheServer) {
  const Dovecot server(kKeepBytes);
  populate(server, kMailboxes);
  Outcome outcome("garbage");
  std::mt19937_64 random(chosenSeed());
  std::string noise(3'000, '\0');
  for (char& byte : noise) byte = static_cast<char>(random());
  const std::vector<std::string> garbage{
      noise,
      std::string(5'000, '\0'),
      std::string(300'000, 'A'),
      "\r\n\r\n\r\n",
      "* 1 FETCH (UID 1 BODY[] {5}\r\nwrong)\r\n",
      "* 99999 FETCH (UID\r\n",
      "* {99999999999999}\r\n",
      "A99999 OK done\r\n",
      "+ go on\r\n",
      "* 4294967295 EXISTS\r\n* 1 EXPUNGE\r\n* VANISHED 1:4294967295\r\n",
      "* OK [UIDVALIDITY 1] other\r\n",
      "* LIST (\\Noselect) \"/\" \"../..\"\r\n",
      "((((((((((((((((((((((((((((((((\r\n",
      "* STATUS INBOX (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 1)\r\n",
  };
  // Into idle connections, and into the middle of a body.
  inParallel(garbage.size(), [&](size_t i) {
    Line line(server, false, {"poll=10min"});
    line.garbled = true;
    EXPECT_TRUE(line.readsAll(mailbox(0)));
    line.proxy->inject(Direction::to_client, garbage[i]);
    line.readsAll(mailbox(1));
    outcome.tried(true);
    // Lies of an idle connection may meet this first listing, too.
    std::vector<std::string> names;
    EXPECT_TRUE(eventually([&] { return line.witness.list(line / "INBOX", names) == 0; }));
    line.proxy->setRate(2'000'000);
    line.proxy->resetStats();
    std::jthread reader([&] { line.readsAll("INBOX"); });
    outcome.tried(
        line.proxy->waitFor([](const auto& stats) { return stats.to_client > 100'000; }, kTimeout));
    line.proxy->inject(Direction::to_client, garbage[i]);
    reader.join();
    line.proxy->setRate(0);
    for (const char* directory : {"M00", "M01", "M02", "INBOX"})
      outcome.recovered(line.recovered(directory));
    EXPECT_EQ(namesIn(line / "INBOX").size(), names.size());
    outcome.add(line);
  });
  outcome.report();
}

TEST_F(NetworkFaults, Bye) {
  const Dovecot server(kKeepBytes);
  populate(server, kMailboxes);
  Outcome outcome("BYE");
  Line line(server, false, {"poll=10min"});
  for (size_t i = 0; i < kMailboxes; ++i) {
    std::jthread reader([&] { line.readsAll(mailbox(i)); });
    line.proxy->inject(Direction::to_client, "* BYE Session expired, please log in again\r\n");
    if (i % 2 == 0) line.proxy->cutNow();
    reader.join();
    outcome.tried(true);
    outcome.recovered(line.recovered(mailbox(i)));
  }
  outcome.add(line);
  outcome.report();
}

}  // namespace
}  // namespace emlfs::test::faults
