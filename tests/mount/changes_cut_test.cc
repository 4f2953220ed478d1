// The connection is cut at any byte while mail is being changed: every change happens exactly once,
// for the person has been told that it would.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <atomic>
#include <map>
#include <random>
#include <set>

#include "support/change_script.h"
#include "support/eventually.h"
#include "support/imap_client.h"
#include "support/lanes.h"
#include "support/mount.h"
#include "support/soak.h"
#include "support/tally.h"
#include "support/tree.h"

namespace emlfs::test {
namespace {

constexpr uint64_t kCutsInASession = 4;

// After `first` bytes, and then each time that another `every` have passed, kCutsInASession in all.
struct Cuts {
  Direction direction;
  uint64_t first;
  uint64_t every;
};

// A mount through a proxy of its own, which stays through all rounds.
class Line {
 public:
  Line(bool tls, DeletePolicy policy)
      : policy_(policy),
        server_(kKeepBytes),
        proxy_(Proxy::start({server_.host(), tls ? server_.imapsPort() : server_.imapPort()})),
        mount_(fmt::format("{}://{}@{}:{}", tls ? "imaps" : "imap", server_.user(), server_.host(),
                           proxy_->port()),
               server_.password(),
               {tls ? "ca_file=" + server_.caFile() : "plaintext", "delete=" + nameOf(policy),
                "timeout=10s"}) {}

  // The session, with cuts somewhere in it.
  void run(uint64_t seed, const std::optional<Cuts>& cuts, Tally& tally) {
    const ChangeScript script(seed, policy_);
    script.populate(server_);
    // Dovecot lists a mailbox again, empty, that was deleted while a session had it open, once that
    // session ends: now, and not in the middle of what follows.
    proxy_->cutNow();
    const World beginning = script.beginning();
    std::string unlike;
    const auto is_there = [&] {
      unlike = difference(beginning);
      return !removeWhatCameBack(beginning) && unlike.empty();
    };
    if (!eventually(is_there, kLongestSilence))
      throw std::runtime_error(fmt::format(
          "the mount doesn't show what was delivered: {}\nthe server lists {}\n{}\n{}", unlike,
          ImapClient(server_).mailboxes(true), mount_.status().dump(), mount_.log()));
    if (cuts)
      proxy_->cutAfter(cuts->direction, cuts->first,
                       std::vector<uint64_t>(kCutsInASession - 1, cuts->every));
    proxy_->resetStats();
    Performance performance(beginning);
    if (const auto failure = performance.perform(script.steps, Person(mount_.path())))
      throw std::runtime_error(
          fmt::format("{}: {}\n{}", performance.last(), failure->what(), mount_.log()));
    flushMount(mount_);
    performance.flushed();
    stats_ = proxy_->stats();
    proxy_->cutNoMore();
    const std::string when =
        cuts ? fmt::format("cut after {} bytes to the {}, and every {}", cuts->first,
                           cuts->direction == Direction::to_server ? "server" : "client",
                           cuts->every)
             : "without a cut";
    if (!tally.check(server_, mount_, performance.allowed(), when))
      fmt::print("{}\n", mount_.log());
  }

  const ProxyStats& stats() const { return stats_; }  // of the last session

 private:
  // False if there was nothing to remove.
  bool removeWhatCameBack(const World& world) const {
    ImapClient client(server_);
    bool removed = false;
    for (const auto& mailbox : client.mailboxes(true))
      if (world.mailboxes.count(mailbox) == 0) {
        // What has no more than its name in the list has to be there to go.
        if (const auto name = "\"" + mailbox + "\""; !client.command("DELETE " + name).ok) {
          client.command("CREATE " + name);
          client.command("DELETE " + name);
        }
        removed = true;
      }
    return removed;
  }

  // What the mount shows instead of it; empty if nothing. All mailboxes are at the top.
  std::string difference(const World& world) const {
    const Person person(mount_.path());
    std::map<std::string, std::set<std::string>> wanted;
    std::map<std::string, std::set<std::string>> there;
    for (const auto& mailbox : world.mailboxes) wanted[mailbox];
    for (const auto& [message, copies] : world.messages)
      wanted[copies.front().mailbox].insert(message);
    try {
      for (const auto& mailbox : person.names("")) {
        auto& messages = there[mailbox];
        for (const auto& name : person.names(mailbox))
          if (const auto proof = proofOf(name)) messages.insert(proofName(*proof));
      }
    } catch (const CallFailed& failure) {  // a mailbox of the last session that just goes
      return failure.what();
    }
    return there == wanted ? "" : fmt::format("{} instead of {}", there, wanted);
  }

  const DeletePolicy policy_;
  const Dovecot server_;
  const std::unique_ptr<Proxy> proxy_;
  Mount mount_;
  ProxyStats stats_;
};

class ChangesCut : public MountTest {
 protected:
  // `count` sessions with cuts in one direction or the other; as many as it takes to cut at each
  // byte with EMLFS_FULL if that makes sense.
  static void cutAnywhere(bool tls, size_t count) {
    std::mt19937_64 random(chosenSeed());
    Tally tally;
    ProxyStats length;
    {
      Line line(tls, DeletePolicy::flag);
      line.run(random(), {}, tally);  // the first lists all mailboxes
      line.run(random(), {}, tally);
      length = line.stats();
      line.run(random(), {}, tally);  // how much is asked for depends on the moment
      length.to_server = std::min(length.to_server, line.stats().to_server);
      length.to_client = std::min(length.to_client, line.stats().to_client);
    }
    std::vector<Cuts> sessions;
    const auto cut = [&](Direction direction, uint64_t bytes) {
      const uint64_t every = bytes / kCutsInASession + 1;
      for (const uint64_t first : spread(every, count / 2, full() && !tls, random))
        sessions.push_back({direction, first, every});
    };
    cut(Direction::to_server, length.to_server);
    cut(Direction::to_client, length.to_client);
    for (size_t i = sessions.size(); i-- > 0;)
      if (!inPart(i)) sessions.erase(sessions.begin() + static_cast<ptrdiff_t>(i));
    const uint64_t seed = random();
    std::atomic<size_t> made{0};
    std::atomic<unsigned> lane{0};
    inLanes(sessions.size(), [&] {
      constexpr std::array kPolicies{DeletePolicy::flag, DeletePolicy::trash,
                                     DeletePolicy::expunge};
      auto line = std::make_shared<Line>(tls, kPolicies.at(lane++ % kPolicies.size()));
      // Beside other lanes more changes go in one command.
      line->run(seed + sessions.size(), {}, tally);
      line->run(seed + sessions.size() + 1, {}, tally);
      const ProxyStats busy = line->stats();
      return [&, line, busy](size_t i) {
        Cuts cuts = sessions[i];
        cuts.every = std::min(
            cuts.every, (cuts.direction == Direction::to_server ? busy.to_server : busy.to_client) /
                            kCutsInASession);
        line->run(seed + i, cuts, tally);
        const auto& stats = line->stats();
        made += stats.cuts;
        const uint64_t passed =
            sessions[i].direction == Direction::to_server ? stats.to_server : stats.to_client;
        EXPECT_TRUE(stats.cuts != 0 || passed < sessions[i].first)
            << "not cut after " << sessions[i].first << " bytes";
      };
    });
    fmt::print("{}: {} bytes to the server and {} to the client, {} sessions, {} cuts; {}\n",
               tls ? "TLS" : "plaintext", length.to_server, length.to_client, sessions.size(),
               made.load(), tally.text());
    EXPECT_GT(made, sessions.size() * kCutsInASession / 2);
  }
};

TEST_F(ChangesCut, AtAnyByte) {
  cutAnywhere(false, 30);
}

TEST_F(ChangesCut, AtAnyByteOfTls) {
  cutAnywhere(true, 10);
}

}  // namespace
}  // namespace emlfs::test
