// The fixture of the faults of a network: where they strike.
#pragma once

#include <algorithm>
#include <limits>

#include "mount/faulty_line.h"

namespace emlfs::test::faults {

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

// One use: after a break, a mailbox that was never listed is listed and read. The least of several,
// since how much is asked for besides depends on the moment, and faults are to meet something.
inline Session measure(const Dovecot& server, bool tls) {
  Line line(server, tls, {"poll=10min"});
  Session least{std::numeric_limits<uint64_t>::max(), std::numeric_limits<uint64_t>::max()};
  for (size_t i = 0; i < 6; ++i) {
    line.proxy->cutNow();
    line.proxy->resetStats();
    EXPECT_TRUE(eventually([&] { return line.readsAll(mailbox(i)); }));
    const auto stats = line.proxy->stats();
    least.to_server = std::min(least.to_server, stats.to_server);
    least.to_client = std::min(least.to_client, stats.to_client);
  }
  return least;
}

class NetworkFaults : public MountTest {};

}  // namespace emlfs::test::faults
