// Connections that are cut, at any byte, while somebody reads: right bytes or an error, in time,
// and all well again when the network is.
#include "mount/network_faults.h"

namespace emlfs::test::faults {
namespace {

// `use` has a mount on which nothing was listed but what earlier points have, and a mailbox for
// each point. Mounts are used for kMailboxes points each.
void eachPoint(const Dovecot& server, bool tls, const std::vector<Point>& points, Outcome& outcome,
               const std::function<void(Line&, const Point&, const std::string&)>& use) {
  inParallel((points.size() + kMailboxes - 1) / kMailboxes, [&](size_t mount) {
    Line line(server, tls, {"poll=10min"});
    for (size_t i = 0; i < kMailboxes && mount * kMailboxes + i < points.size(); ++i)
      use(line, points[mount * kMailboxes + i], mailbox(i));
    outcome.add(line);
  });
}

void cuts(bool tls, size_t count) {
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

}  // namespace
}  // namespace emlfs::test::faults
