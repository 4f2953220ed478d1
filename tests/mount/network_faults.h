// The fixture of the faults of a network: where they strike.
#pragma once

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

// One use: after a break, a mailbox that was never listed is listed and read.
inline Session measure(const Dovecot& server, bool tls) {
  Line line(server, tls, {"poll=10min"});
  line.proxy->cutNow();
  line.proxy->resetStats();
  EXPECT_TRUE(eventually([&] { return line.readsAll(mailbox(0)); }));
  const auto stats = line.proxy->stats();
  return {stats.to_server, stats.to_client};
}

class NetworkFaults : public MountTest {};

}  // namespace emlfs::test::faults
