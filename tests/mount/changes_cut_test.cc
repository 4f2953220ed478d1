// The connection is cut at any byte while mail is being changed: every change happens exactly once,
// for the person has been told that it would.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <atomic>
#include <limits>
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

struct Cut {
  Direction direction;
  uint64_t bytes;
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

  // The session, with a cut somewhere in it.
  void run(uint64_t seed, const std::optional<Cut>& cut, Tally& tally) {
    const ChangeScript script(seed, policy_);
    script.populate(server_);
    const World beginning = script.beginning();
    std::string unlike;
    const auto is_there = [&] {
      unlike = difference(beginning);
      if (!unlike.empty()) removeWhatCameBack(beginning);
      return unlike.empty();
    };
    if (!eventually(is_there, kLongestSilence))
      throw std::runtime_error(fmt::format(
          "the mount doesn't show what was delivered: {}\nthe server lists {}\n{}\n{}", unlike,
          ImapClient(server_).mailboxes(), mount_.status().dump(), mount_.log()));
    if (cut) proxy_->cutAfter(cut->direction, cut->bytes);
    proxy_->resetStats();
    Performance performance(beginning);
    if (const auto failure = performance.perform(script.steps, Person(mount_.path())))
      throw std::runtime_error(
          fmt::format("{}: {}\n{}", performance.last(), failure->what(), mount_.log()));
    flushMount(mount_);
    performance.flushed();
    stats_ = proxy_->stats();
    // Not into the next round, if the session was shorter than the last one.
    for (const auto direction : {Direction::to_server, Direction::to_client})
      proxy_->cutAfter(direction, std::numeric_limits<uint64_t>::max() / 2);
    const std::string when =
        cut ? fmt::format("cut after {} bytes to the {}", cut->bytes,
                          cut->direction == Direction::to_server ? "server" : "client")
            : "without a cut";
    if (!tally.check(server_, mount_, performance.allowed(), when))
      fmt::print("{}\n", mount_.log());
  }

  const ProxyStats& stats() const { return stats_; }  // of the last session

 private:
  // Dovecot lists a mailbox again, empty, that was deleted while another session had it open.
  void removeWhatCameBack(const World& world) const {
    ImapClient client(server_);
    for (const auto& mailbox : client.mailboxes())
      if (world.mailboxes.count(mailbox) == 0) client.command("DELETE \"" + mailbox + "\"");
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
  // `count` cuts over both directions; at each byte with EMLFS_FULL if that makes sense.
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
    std::vector<Cut> points;
    const bool every = full() && !tls;
    for (const uint64_t bytes : spread(length.to_server, count / 2, every, random))
      points.push_back({Direction::to_server, bytes});
    for (const uint64_t bytes : spread(length.to_client, count / 2, every, random))
      points.push_back({Direction::to_client, bytes});
    for (size_t i = points.size(); i-- > 0;)
      if (!inPart(i)) points.erase(points.begin() + static_cast<ptrdiff_t>(i));
    const uint64_t seed = random();
    std::atomic<size_t> made{0};
    std::atomic<unsigned> lane{0};
    inLanes(points.size(), [&] {
      constexpr std::array kPolicies{DeletePolicy::flag, DeletePolicy::trash,
                                     DeletePolicy::expunge};
      auto line = std::make_shared<Line>(tls, kPolicies.at(lane++ % kPolicies.size()));
      return [&, line](size_t i) {
        const auto& [direction, bytes] = points[i];
        line->run(seed + i, points[i], tally);
        const auto& stats = line->stats();
        made += stats.cuts;
        const uint64_t passed =
            direction == Direction::to_server ? stats.to_server : stats.to_client;
        EXPECT_TRUE(stats.cuts != 0 || passed < bytes) << "not cut after " << bytes << " bytes";
      };
    });
    fmt::print("{}: {} bytes to the server and {} to the client, {} cuts tried, {} made; {}\n",
               tls ? "TLS" : "plaintext", length.to_server, length.to_client, points.size(),
               made.load(), tally.text());
    EXPECT_GT(made, points.size() / 2);
  }
};

TEST_F(ChangesCut, AtAnyByte) {
  cutAnywhere(false, 60);
}

TEST_F(ChangesCut, AtAnyByteOfTls) {
  cutAnywhere(true, 20);
}

}  // namespace
}  // namespace emlfs::test
