// Every fault of a network between the mount and a real server while somebody reads: right bytes or
// an error, in time, and all well again when the network is.
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <functional>
#include <mutex>
#include <random>
#include <thread>

#include "support/eventually.h"
#include "support/imap_client.h"
#include "support/mount.h"
#include "support/proof_mail.h"
#include "support/running.h"
#include "support/script_imap.h"
#include "support/soak.h"
#include "support/tree.h"
#include "support/witness.h"

namespace emlfs::test {
namespace {

using std::chrono::seconds;

constexpr Milliseconds kTimeout{2'000};
constexpr seconds kRecovery{5};
constexpr size_t kMailboxes = 16;  // of each mount; each is looked at for the first time once
constexpr size_t kAtOnce = 4;      // mounts that wait at the same time

// What a reader may be told while the network is bad, beside ETIMEDOUT where nothing moves.
bool isOffline(int error) {
  return error == ENETUNREACH || error == ETIMEDOUT;
}

std::string mailbox(size_t index) {
  return fmt::format("M{:02}", index);
}

// An INBOX and `count` other mailboxes: a small message, one of several packets, and in INBOX one
// of several chunks.
void populate(const Dovecot& server, size_t count) {
  ImapClient client(server);
  std::mt19937_64 random(chosenSeed());
  for (size_t i = 0; i < count; ++i) {
    client.command(fmt::format("CREATE {}", mailbox(i)));
    client.append(mailbox(i), "", proofMessage({random(), 400}));
    client.append(mailbox(i), "\\Seen", proofMessage({random(), 2'000 + random() % 9'000}));
  }
  for (const size_t size : {500, 40'000, 400'000})
    client.append("INBOX", "", proofMessage({random(), size}));
}

// A mount through a proxy of its own.
struct Line {
  Line(const Dovecot& dovecot, bool tls, std::vector<std::string> options,
       Milliseconds limit = kTimeout)
      : server(dovecot),
        proxy(Proxy::start({dovecot.host(), tls ? dovecot.imapsPort() : dovecot.imapPort()})),
        witness(limit + schedulingMargin()) {
    options.push_back(fmt::format("timeout={}ms", kTimeout.count()));
    if (tls)
      options.push_back("ca_file=" + dovecot.caFile());
    else
      options.emplace_back("plaintext");
    mount = std::make_unique<Mount>(fmt::format("{}://{}@{}:{}", tls ? "imaps" : "imap",
                                                dovecot.user(), dovecot.host(), proxy->port()),
                                    dovecot.password(), options);
  }

  std::string operator/(const std::string& name) const { return *mount / name; }

  // Everything below `directory`. True if all of it could be read; other errors than those of a bad
  // network are complained about.
  bool readsAll(const std::string& directory) {
    const auto errors = witness.readAll(mount->path() + "/" + directory);
    for (const int error : errors)
      if (!isOffline(error) && !(garbled && error == EIO))
        witness.complain(fmt::format("{} in {}", errorText(error), directory));
    return errors.empty();
  }

  // How long it took until all of `directory` could be read, at most.
  Milliseconds recovered(const std::string& directory) {
    const auto began = Clock::now();
    EXPECT_TRUE(eventually([&] { return readsAll(directory); }, kRecovery + schedulingMargin()))
        << directory << " can't be read " << kRecovery.count() << " s after the end of the fault";
    return std::chrono::duration_cast<Milliseconds>(Clock::now() - began);
  }

  const Dovecot& server;
  bool garbled = false;  // what comes is not what the server said: EIO is an answer
  std::unique_ptr<Proxy> proxy;
  Witness witness;
  std::unique_ptr<Mount> mount;
};

// What all lines of a test saw; they are used by several threads.
class Outcome {
 public:
  explicit Outcome(std::string what) : what_(std::move(what)) {}

  void add(const Line& line) {
    const Figures one = line.witness.figures();
    const std::lock_guard lock(mutex_);
    if (one.late > 0 || !one.complaints.empty()) fmt::print("{}\n", line.mount->log());
    all_.calls += one.calls;
    all_.late += one.late;
    all_.slowest = std::max(all_.slowest, one.slowest);
    all_.bodies += one.bodies;
    all_.bytes += one.bytes;
    all_.wrong += one.wrong;
    for (const auto& [error, count] : one.errors) all_.errors[error] += count;
    all_.complaints.insert(all_.complaints.end(), one.complaints.begin(), one.complaints.end());
  }
  void tried(bool hit) {
    ++tried_;
    if (hit) ++hit_;
  }
  void recovered(Milliseconds after) {
    const std::lock_guard lock(mutex_);
    slowest_recovery_ = std::max(slowest_recovery_, after);
  }

  void report() const {
    fmt::print("{}: {} tried, {} met traffic; {}; recovered after {} ms at most\n", what_,
               tried_.load(), hit_.load(), text(all_), slowest_recovery_.count());
    EXPECT_EQ(all_.wrong, 0U);
    EXPECT_EQ(all_.late, 0U);
    for (const auto& complaint : all_.complaints) ADD_FAILURE() << complaint;
  }
  const Figures& figures() const { return all_; }
  uint64_t hit() const { return hit_; }

 private:
  const std::string what_;
  std::mutex mutex_;
  Figures all_;
  Milliseconds slowest_recovery_{0};
  std::atomic<uint64_t> tried_{0};
  std::atomic<uint64_t> hit_{0};
};

struct Point {
  Direction direction;
  uint64_t bytes;
};

// Bytes that go each way for one use.
struct Session {
  uint64_t to_server = 0;
  uint64_t to_client = 0;

  // `count` points over both directions; all of them with EMLFS_FULL.
  std::vector<Point> points(size_t count) const {
    std::vector<Point> all;
    std::mt19937_64 random(chosenSeed());
    for (const auto& [direction, length] :
         {std::pair{Direction::to_server, to_server}, std::pair{Direction::to_client, to_client}}) {
      const uint64_t number = full() ? length : std::min<uint64_t>(count / 2, length);
      for (uint64_t i = 0; i < number; ++i) {
        const uint64_t first = i * length / number;
        const uint64_t next = std::max((i + 1) * length / number, first + 1);
        all.push_back({direction, 1 + first + random() % (next - first)});
      }
    }
    return all;
  }
};

// Calls `body` with the index of each of `count` pieces of work, on kAtOnce threads.
void inParallel(size_t count, const std::function<void(size_t)>& body) {
  std::atomic<size_t> next{0};
  std::vector<std::jthread> threads;
  for (size_t i = 0; i < std::min(kAtOnce, count); ++i) {
    threads.emplace_back([&] {
      try {
        for (size_t mine = 0; (mine = next++) < count;) body(mine);
      } catch (const std::exception& failure) {
        ADD_FAILURE() << failure.what();
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

class NetworkFaults : public MountTest {
 protected:
  // One use: after a break, a mailbox that was never listed is listed and read.
  static Session measure(const Dovecot& server, bool tls) {
    Line line(server, tls, {"poll=10min"});
    line.proxy->cutNow();
    line.proxy->resetStats();
    EXPECT_TRUE(eventually([&] { return line.readsAll(mailbox(0)); }));
    const auto stats = line.proxy->stats();
    return {stats.to_server, stats.to_client};
  }

  // `use` has a mount on which nothing was listed but what earlier points have, and a mailbox for
  // each point. Mounts are used for kMailboxes points each.
  static void eachPoint(const Dovecot& server, bool tls, const std::vector<Point>& points,
                        Outcome& outcome,
                        const std::function<void(Line&, const Point&, const std::string&)>& use) {
    inParallel((points.size() + kMailboxes - 1) / kMailboxes, [&](size_t mount) {
      Line line(server, tls, {"poll=10min"});
      for (size_t i = 0; i < kMailboxes && mount * kMailboxes + i < points.size(); ++i)
        use(line, points[mount * kMailboxes + i], mailbox(i));
      outcome.add(line);
    });
  }

  static void cuts(bool tls, size_t count) {
    const Dovecot server(kKeepBytes);
    populate(server, kMailboxes);
    const Session session = measure(server, tls);
    Outcome outcome(fmt::format("cuts of a {} session of {} + {} bytes", tls ? "TLS" : "plaintext",
                                session.to_server, session.to_client));
    const auto points = session.points(count);
    eachPoint(server, tls, points, outcome,
              [&](Line& line, const Point& point, const std::string& directory) {
                // Planned first, so that the new connections' first bytes count.
                line.proxy->cutAfter(point.direction, point.bytes);
                line.proxy->cutNow();
                const uint64_t before = line.proxy->stats().cuts;
                line.readsAll(directory);
                outcome.recovered(line.recovered(directory));
                outcome.tried(line.proxy->stats().cuts > before);
              });
    outcome.report();
    EXPECT_GE(outcome.hit() * 2, points.size());
  }
};

TEST_F(NetworkFaults, CutAnywhere) {
  cuts(false, 64);
}

TEST_F(NetworkFaults, CutAnywhereInTls) {
  cuts(true, 16);
}

// While it is being mounted: it is mounted, or it says that it could not be; the next try works.
TEST_F(NetworkFaults, CutWhileMounting) {
  const Dovecot server(kKeepBytes);
  populate(server, 4);
  Session session;
  {
    const Line line(server, false, {"poll=10min"});
    session = {line.proxy->stats().to_server, line.proxy->stats().to_client};
  }
  Outcome outcome(
      fmt::format("cuts while mounting, of {} + {} bytes", session.to_server, session.to_client));
  const auto points = session.points(20);
  std::atomic<int> refused{0};
  inParallel(points.size(), [&](size_t i) {
    const auto proxy = Proxy::start({server.host(), server.imapPort()});
    proxy->cutAfter(points[i].direction, points[i].bytes);
    const auto began = Clock::now();
    std::unique_ptr<Mount> mount;
    const std::vector<std::string> options{fmt::format("timeout={}ms", kTimeout.count())};
    try {
      mount = std::make_unique<Mount>(server, *proxy, options);
    } catch (const std::runtime_error&) {
      ++refused;
      EXPECT_LT(Clock::now() - began, kTimeout + schedulingMargin() * 3);
      mount = std::make_unique<Mount>(server, *proxy, options);
    }
    outcome.tried(proxy->stats().cuts > 0);
    EXPECT_TRUE(eventually([&] {
      Witness witness(kTimeout + schedulingMargin());
      return witness.readAll(mount->path()).empty() && witness.figures().complaints.empty() &&
             witness.figures().bodies == 4 * 2 + 3;
    }));
  });
  fmt::print("{} of them were told to the user\n", refused.load());
  outcome.report();
}

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

}  // namespace
}  // namespace emlfs::test
