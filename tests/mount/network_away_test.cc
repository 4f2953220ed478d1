// Servers that are away for a while, or let only few in: what is cached is there, and the rest
// comes back.
#include <poll.h>

#include "mount/network_faults.h"
#include "support/scripted_server.h"

namespace emlfs::test::faults {
namespace {

// How the server goes away, and how it comes back, with new mail in M00.
struct Absence {
  const char* name;
  std::function<void(Line&, Dovecot&)> leave;
  std::function<void(Line&, Dovecot&)> come_back;
};

void deliverNews(const Dovecot& server) {
  server.deliver(mailbox(0), proofMessage({chosenSeed() + 99, 700}));
}

class Away : public NetworkFaults {
 protected:
  static void outage(const Absence& absence) {
    const seconds duration{full() ? 60 : 20};
    Dovecot server(kKeepBytes);
    populate(server, 4);
    Outcome outcome(fmt::format("server away for {} s, {}", duration.count(), absence.name));
    Line line(server, false, {});
    EXPECT_TRUE(line.readsAll(mailbox(0)));
    const auto names = namesIn(line / mailbox(1));
    EXPECT_EQ(names.size(), 2U);
    const pid_t daemon = line.mount->status()["pid"];

    absence.leave(line, server);
    outcome.tried(true);
    const auto began = Clock::now();
    const auto used = processorTime(daemon);
    const uint64_t connects = line.mount->status()["traffic"]["connects"];
    Milliseconds slowest_refusal{0};
    for (const Deadline end = Deadline::after(duration); !end.passed();) {
      EXPECT_TRUE(line.readsAll(mailbox(0))) << "it was in the cache";
      const auto asked = Clock::now();
      const int error = line.witness.read(line / mailbox(1) + "/" + names[0]);
      EXPECT_TRUE(isOffline(error)) << errorText(error);
      slowest_refusal =
          std::max(slowest_refusal, std::chrono::duration_cast<Milliseconds>(Clock::now() - asked));
      ::poll(nullptr, 0, 200);  // how often somebody looks
    }
    const auto wall = std::chrono::duration_cast<Milliseconds>(Clock::now() - began);
    const double share = static_cast<double>((processorTime(daemon) - used).count()) /
                         static_cast<double>(wall.count());
    fmt::print("{}: {:.1f} % CPU, {} connects, a refusal took {} ms at most\n", absence.name,
               100 * share, line.mount->status()["traffic"]["connects"].get<uint64_t>() - connects,
               slowest_refusal.count());
    EXPECT_LT(share, schedulingMargin() > seconds(1) ? 0.5 : 0.05) << "a busy loop";

    absence.come_back(line, server);
    const auto back = Clock::now();
    const auto well = [&] {
      std::vector<std::string> now;
      return line.witness.list(line / mailbox(0), now) == 0 && now.size() == 3 &&
             line.readsAll(mailbox(0)) &&
             line.witness.read(line / mailbox(1) + "/" + names[0]) == 0;
    };
    EXPECT_TRUE(eventually(well, kRecovery + schedulingMargin()))
        << absence.name << ": not well 5 s after the server is back\n"
        << line.mount->status().dump(1);
    outcome.recovered(std::chrono::duration_cast<Milliseconds>(Clock::now() - back));
    outcome.add(line);
    outcome.report();
  }
};

// Together, since they only wait.
TEST_F(Away, CachedMailIsThereAndTheRestComesBack) {
  // A server that greets with BYE, whatever is asked.
  const auto busy =
      ScriptedServer::start([](Peer& peer) { peer.send("* BYE come back later\r\n"); });
  const auto resume = [](Line& line, Dovecot& server) {
    deliverNews(server);
    line.proxy->resume();
  };
  const std::vector<Absence> all{
      {"connections refused",
       [](Line& line, Dovecot&) {
         line.proxy->refuse();
         line.proxy->cutNow();
       },
       resume},
      {"black hole", [](Line& line, Dovecot&) { line.proxy->stall(); }, resume},
      {"BYE in a loop",
       [&](Line& line, Dovecot&) {
         line.proxy->setServer({"127.0.0.1", busy->port()});
         line.proxy->cutNow();
       },
       [](Line& line, Dovecot& server) {
         deliverNews(server);
         line.proxy->setServer({server.host(), server.imapPort()});
       }},
      {"killed and restarted", [](Line&, Dovecot& server) { server.kill(); },
       [](Line&, Dovecot& server) {
         server.restart();
         deliverNews(server);
       }},
  };
  inParallel(all.size(), [&](size_t i) { outage(all[i]); });
}

// Any number of readers share what the server allows.
TEST_F(NetworkFaults, ConnectionLimit) {
  for (const int limit : {1, 2}) {
    std::vector<std::string> options = kKeepBytes;
    options.insert(options.end(), {"--set", fmt::format("mail_max_userip_connections={}", limit)});
    const Dovecot server(options);
    populate(server, kMailboxes);
    Outcome outcome(fmt::format("a limit of {} connections", limit));
    Line line(server, false, {"connections=4"});
    std::vector<std::jthread> readers;
    for (size_t i = 0; i < kMailboxes; ++i) {
      readers.emplace_back([&, i] {
        outcome.tried(true);
        EXPECT_TRUE(eventually([&] { return line.readsAll(mailbox(i)); }, seconds(20))) << i;
      });
    }
    for (auto& reader : readers) reader.join();
    EXPECT_TRUE(line.readsAll("INBOX"));
    // And what comes later is seen.
    server.deliver(mailbox(3), proofMessage({chosenSeed() + 7, 700}));
    EXPECT_TRUE(eventually([&] { return namesIn(line / mailbox(3)).size() == 3; }));
    outcome.add(line);
    outcome.report();
  }
}

}  // namespace
}  // namespace emlfs::test::faults
