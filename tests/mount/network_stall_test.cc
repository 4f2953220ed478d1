// Networks that are slow or silent while somebody reads: right bytes or an error, in time, and all
// well again when the network is.
#include <poll.h>

#include "mount/network_faults.h"
#include "support/script_imap.h"

namespace emlfs::test::faults {
namespace {

TEST_F(NetworkFaults, ShortStallsAreNotNoticed) {
  const Dovecot server(kKeepBytes);
  populate(server, kMailboxes);
  Outcome outcome("stalls shorter than the timeout");
  const auto points = measure(server, false).points(full() ? 200 : 12);
  inParallel(points.size(), [&](size_t i) {
    Line line(server, false, {"poll=10min"});
    const std::string directory = mailbox(i % kMailboxes);
    line.proxy->stallAfter(points[i].direction, points[i].bytes);
    line.proxy->cutNow();
    std::jthread network([&] {
      const bool met = line.proxy->waitFor([](const auto& stats) { return stats.stalls > 0; },
                                           Milliseconds(1'000));
      outcome.tried(met);
      if (met) ::poll(nullptr, 0, static_cast<int>(kTimeout.count() / 2));
      line.proxy->resume();
    });
    EXPECT_TRUE(line.readsAll(directory)) << "stalled after " << points[i].bytes << '\n'
                                          << line.mount->log();
    network.join();
    outcome.add(line);
  });
  outcome.report();
}

TEST_F(NetworkFaults, LongStallsEndInTime) {
  const Dovecot server(kKeepBytes);
  populate(server, kMailboxes);
  Outcome outcome("stalls longer than the timeout");
  const auto points = measure(server, false).points(full() ? 200 : 8);
  inParallel(points.size(), [&](size_t i) {
    Line line(server, false, {"poll=10min"});
    const std::string directory = mailbox(i % kMailboxes);
    line.proxy->stallAfter(points[i].direction, points[i].bytes);
    line.proxy->cutNow();
    line.readsAll(directory);
    const bool met = line.proxy->stats().stalls > 0;
    outcome.tried(met);
    if (met) {
      // What was cached is still there, and so is the root.
      std::vector<std::string> names;
      EXPECT_EQ(line.witness.list(line.mount->path(), names), 0);
      line.readsAll(directory);
    }
    line.proxy->resume();
    outcome.recovered(line.recovered(directory));
    outcome.add(line);
  });
  outcome.report();
}

// The kernel lets them in one after the other: the silence that the first has waited through is the
// others', too.
TEST_F(NetworkFaults, SeveralInOneDirectoryWaitTogether) {
  const Dovecot server(kKeepBytes);
  populate(server, 2);
  for (const bool creating : {false, true}) {
    Line line(server, false, {"poll=10min"});
    const std::string directory = line / mailbox(creating ? 1 : 0);
    line.proxy->stall();
    {
      std::vector<std::jthread> readers;
      for (int i = 0; i < 8; ++i)
        readers.emplace_back([&, i] {
          std::vector<std::string> names;
          if (creating && i % 2 == 0)
            line.witness.create(directory + "/" + std::to_string(i) + ".eml");
          else
            line.witness.list(directory, names);
        });
    }
    line.proxy->resume();
    line.recovered(mailbox(creating ? 1 : 0));
    EXPECT_EQ(line.witness.figures().late, 0U)
        << (creating ? "creating" : "listing") << ": " << text(line.witness.figures());
    for (const auto& complaint : line.witness.figures().complaints) ADD_FAILURE() << complaint;
  }
}

// With the default timeout; by script only, since it takes minutes.
TEST_F(NetworkFaults, StallsOfUpToAMinute) {
  if (!full()) GTEST_SKIP() << "EMLFS_FULL=1 runs it";
  const Dovecot server(kKeepBytes);
  populate(server, 4);
  for (const seconds stall : {seconds(5), seconds(40), seconds(60)}) {
    const auto proxy = Proxy::start({server.host(), server.imapPort()});
    const Mount mount(server, *proxy, {"poll=10min"});
    const seconds timeout{30};
    Witness witness(timeout + schedulingMargin());
    ASSERT_EQ(namesIn(mount / mailbox(0)).size(), 2U);
    proxy->stall();
    std::vector<int> errors;
    std::jthread reader([&] { errors = witness.readAll(mount / mailbox(0)); });
    ::poll(nullptr, 0, static_cast<int>(Milliseconds(stall).count()));
    proxy->resume();
    reader.join();
    EXPECT_EQ(errors.empty(), stall < timeout);
    EXPECT_TRUE(eventually([&] { return witness.readAll(mount / mailbox(0)).empty(); },
                           kRecovery + schedulingMargin()));
    fmt::print("a stall of {} s: {}\n", stall.count(), text(witness.figures()));
    EXPECT_EQ(witness.figures().wrong, 0U);
    EXPECT_EQ(witness.figures().late, 0U);
  }
}

// A suspended laptop: the connections are dead and nobody says so.
TEST_F(NetworkFaults, HalfOpen) {
  const Dovecot server(kKeepBytes);
  populate(server, kMailboxes);
  Outcome outcome("half-open connections");
  inParallel(4, [&](size_t i) {
    Line line(server, i % 2 == 1, {"poll=10min"});
    EXPECT_TRUE(line.readsAll(mailbox(2 * i)));
    line.proxy->vanish();
    outcome.tried(true);
    if (i < 2) {
      line.readsAll(mailbox(2 * i + 1));
      outcome.recovered(line.recovered(mailbox(2 * i + 1)));
    } else {
      // Nobody asks for what is on the server: the directory is only looked at.
      const std::string fresh = proofMessage({chosenSeed() + i, 600});
      server.deliver(mailbox(2 * i), fresh);
      const auto began = Clock::now();
      const auto there = [&] {
        std::vector<std::string> names;
        struct stat unused{};
        line.witness.stat(line / mailbox(2 * i), unused);
        return line.witness.list(line / mailbox(2 * i), names) == 0 && names.size() == 3;
      };
      EXPECT_TRUE(eventually(there, kTimeout + kRecovery + schedulingMargin()))
          << "no new mail over a half-open connection " << i << '\n'
          << line.mount->status().dump(1) << line.mount->log();
      outcome.recovered(std::chrono::duration_cast<Milliseconds>(Clock::now() - began));
      EXPECT_TRUE(line.readsAll(mailbox(2 * i)));
    }
    outcome.add(line);
  });
  outcome.report();
}

// A line that is slow is waited for as long as something comes.
TEST_F(NetworkFaults, OneKilobyteASecond) {
  const Dovecot server(kKeepBytes);
  populate(server, 2);
  Outcome outcome("1 kB/s");
  Line line(server, false, {"poll=10min"}, seconds(60));
  EXPECT_EQ(namesIn(line / "INBOX").size(), 3U);
  line.proxy->setRate(1'000);
  outcome.tried(true);
  EXPECT_TRUE(line.readsAll(mailbox(0)));
  {
    // Several that share it may get too little; who waits for hundreds of kB is not waited for
    // here.
    std::vector<std::jthread> readers;
    for (const char* directory : {"INBOX", "M01"})
      readers.emplace_back([&line, directory] { line.readsAll(directory); });
    ::poll(nullptr, 0, 2 * static_cast<int>(kTimeout.count()));
    line.proxy->setRate(0);
  }
  for (const char* directory : {"INBOX", "M00", "M01"})
    outcome.recovered(line.recovered(directory));
  outcome.add(line);
  outcome.report();
}

// Servers that always say something, but nothing that helps: `timeout` is what a reader waits.
TEST_F(NetworkFaults, DripsAndKeepAlives) {
  ScriptMailbox inbox{"INBOX", {}};
  for (Uid uid = 1; uid <= 4; ++uid)
    inbox.messages.push_back({uid, proofMessage({chosenSeed() + uid, 50'000}), {}});
  ScriptImap server({inbox});
  Witness witness(kTimeout + schedulingMargin());
  const Mount mount(server.url(), "secret",
                    {"plaintext", fmt::format("timeout={}ms", kTimeout.count()), "connections=3"});
  const auto names = namesIn(mount / "INBOX");
  ASSERT_EQ(names.size(), 4U);
  // Until the client has enough of it.
  const auto forEver = [](Peer& peer, std::string_view words, int pause) {
    for (;;) {
      peer.send(words);
      ::poll(nullptr, 0, pause);
    }
  };
  server.onBody([&forEver](Peer& peer, const BodyRequest& request) {
    const std::string answer = honestFetch(request);
    if (request.uid % 2 == 0) {
      forEver(peer, "* OK still here\r\n", 200);
    } else {
      constexpr size_t kBegin = 100;  // what comes buys time, so not much
      peer.send(answer.substr(0, kBegin));
      for (size_t at = kBegin; at < answer.size(); ++at) {
        peer.send(answer.substr(at, 1));
        ::poll(nullptr, 0, 1'000);
      }
    }
    return true;
  });
  std::vector<std::jthread> readers;
  for (const auto& name : names) {
    readers.emplace_back([&] {
      const int error = witness.read(mount / ("INBOX/" + name));
      EXPECT_TRUE(isOffline(error)) << name << ": " << errorText(error);
    });
  }
  for (auto& reader : readers) reader.join();
  server.onBody({});
  EXPECT_TRUE(eventually([&] { return witness.readAll(mount.path()).empty(); },
                         kRecovery + schedulingMargin()));
  const Figures figures = witness.figures();
  fmt::print("drips and keep-alives: {}\n", text(figures));
  EXPECT_EQ(figures.wrong, 0U);
  EXPECT_EQ(figures.late, 0U);
  for (const auto& complaint : figures.complaints) ADD_FAILURE() << complaint;
}

}  // namespace
}  // namespace emlfs::test::faults
