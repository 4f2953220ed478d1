// kill -9 while mail is being changed: what was acknowledged happens exactly once, what was not,
// once or not at all, and nothing is lost, doubled or altered.
#include <fmt/format.h>

#include <fstream>
#include <map>
#include <mutex>
#include <random>

#include "emlfs/base/file.h"
#include "support/change_script.h"
#include "support/lanes.h"
#include "support/mount.h"
#include "support/oracle.h"
#include "support/server_test.h"
#include "support/soak.h"
#include "support/tally.h"
#include "support/tree.h"

namespace emlfs::test {
namespace {

using std::chrono::seconds;

constexpr seconds kDying{10};  // from a failed call until a killed daemon has ended

std::shared_ptr<ImapServer> startServer(ImapServer::Kind kind) {
  if (kind == ImapServer::Kind::dovecot) return std::make_shared<Dovecot>(kKeepBytes);
  return std::make_shared<ImapServer>(kind);
}

// One session, from a new mount to its end, in a process that may die at a fail point.
class Round {
 public:
  Round(const ImapServer& server, const ChangeScript& script)
      : server_(server),
        script_(script),
        mount_(Mount::Later{}, server, {"delete=" + nameOf(script.policy)}),
        performance_(script.beginning()) {
    script.populate(server);
  }

  // With `last` 0 it lives. False if it didn't come that far.
  bool run(uint64_t last) {
    mount_.setEnvironment({fmt::format("EMLFS_FAIL_AT={}", last), "EMLFS_FAIL_COUNT=" + passed()});
    when_ = "at the mount";
    try {
      mount_.mount();
    } catch (const std::exception& failure) {
      return died(failure, last);
    }
    const auto unstick = mount_.unstick();
    if (const auto failure = performance_.perform(script_.steps, Person(mount_.path()))) {
      when_ = performance_.last();
      return died(*failure, last);
    }
    when_ = "at the end";
    try {
      mount_.unmount();
    } catch (const std::exception& failure) {
      return died(failure, last);
    }
    return false;
  }

  // The next daemon, which lives; with `forget`, somebody has deleted the cache.
  void recover(Tally& tally, bool forget) {
    mount_.setEnvironment({});
    if (forget) mount_.clearCache();
    mount_.mount();
    if (when_ == "at the mount") performance_.perform(script_.steps, Person(mount_.path()));
    flushMount(mount_);
    if (!tally.check(server_, mount_, performance_.allowed(), "killed " + where()))
      fmt::print("{}\n", mount_.log());
  }

  // The fail points that were passed, in their order.
  std::vector<std::string> points() const {
    std::vector<std::string> names;
    std::ifstream lines(passed());
    for (std::string name; std::getline(lines, name);) names.push_back(name);
    return names;
  }

 private:
  std::string passed() const { return mount_.directory() + "/passed"; }
  std::string where() const {
    const auto names = points();
    return fmt::format("at {} ({}), doing: {}", names.size(), names.empty() ? "?" : names.back(),
                       when_);
  }

  // What failed has to have failed for that reason alone.
  bool died(const std::exception& failure, uint64_t last) {
    const bool reached = last != 0 && points().size() >= last;
    if (!reached || !mount_.ends(kDying))
      throw std::runtime_error(
          fmt::format("{}: {}\n{}", performance_.last(), failure.what(), mount_.log()));
    mount_.kill();
    return true;
  }

  const ImapServer& server_;
  const ChangeScript& script_;
  Mount mount_;
  Performance performance_;
  std::string when_;
};

class ChangesCrash : public MountTest, public testing::WithParamInterface<ImapServer::Kind> {};

constexpr std::array kPolicies{DeletePolicy::flag, DeletePolicy::trash, DeletePolicy::expunge};

TEST_P(ChangesCrash, AtEachFailPoint) {
  const std::shared_ptr server = startServer(GetParam());
  std::mt19937_64 random(chosenSeed());
  Tally tally;
  // Without a special use for it a server has no Trash.
  const size_t policies = GetParam() == ImapServer::Kind::dovecot ? kPolicies.size() : 1;

  size_t number = 0;
  for (size_t i = 0; i < policies; ++i) {
    const ChangeScript script(random(), kPolicies.at(i));
    Round round(*server, script);
    round.run(0);
    number = std::max(number, round.points().size());
    round.recover(tally, i == 0);
    ASSERT_FALSE(HasFailure());
  }

  std::mutex mutex;
  std::map<std::string, int> kills;
  size_t killed = 0;
  const auto points = spread(number, 30, full(), random);
  const uint64_t seed = random();
  inLanes(points.size(), [&] {
    return [&, own = startServer(GetParam())](size_t i) {
      const ChangeScript script(seed + i, kPolicies.at(i % policies));
      Round round(*own, script);
      try {
        const bool died = round.run(points[i]);
        round.recover(tally, i % 4 == 3);
        const std::lock_guard lock(mutex);
        if (died) ++kills[round.points().at(points[i] - 1)];
        killed += died ? 1 : 0;
      } catch (const std::exception& failure) {
        ADD_FAILURE() << "fail point " << points[i] << ": " << failure.what();
      }
    };
  });
  fmt::print("{}: {} fail points, {} tried, {} kills; {}\n", nameOf(GetParam()), number,
             points.size(), killed, tally.text());
  for (const auto& [name, count] : kills) fmt::print("  {:4} {}\n", count, name);
}

INSTANTIATE_TEST_SUITE_P(Each, ChangesCrash, kEachKind,
                         [](const auto& each) { return nameOf(each.param); });

}  // namespace
}  // namespace emlfs::test
