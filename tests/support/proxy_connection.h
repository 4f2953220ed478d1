// One client's connection through the proxy: two sockets and a Link each way. Not thread-safe.
#pragma once

#include <poll.h>

#include <array>
#include <deque>
#include <optional>
#include <string_view>
#include <vector>

#include "emlfs/base/file.h"
#include "support/command_log.h"
#include "support/link.h"
#include "support/proxy.h"

namespace emlfs::test {

enum class Fault { cut, stall };

struct PlannedFault {
  uint64_t bytes;  // that are forwarded before it
  Fault kind;
};

// What all connections of a proxy share. The arrays are indexed by Direction.
struct ProxyState {
  ProxyStats stats;
  std::vector<std::string> commands;
  std::array<Line, 2> lines;
  std::array<std::deque<PlannedFault>, 2> planned;
  bool stalled = false;

  uint64_t& bytes(Direction direction) {
    return direction == Direction::to_server ? stats.to_server : stats.to_client;
  }
};

class ProxyConnection {
 public:
  ProxyConnection(Fd client, Fd server, const ProxyState& state, Clock::time_point now);

  // Moves what can be moved now. False when the connection is over.
  bool step(ProxyState& state, Clock::time_point now);

  // What to wait for: appends to `waits`, and brings `wake` forward to when something is due.
  void wants(const ProxyState& state, std::vector<pollfd>& waits, Clock::time_point& wake) const;

  void hold() { held_ = true; }  // until release, nothing moves
  void release() { held_ = false; }
  void vanish();  // nothing moves any more

  void inject(Direction direction, std::string_view bytes, ProxyState& state,
              Clock::time_point now);

 private:
  enum class Outcome { going_on, broken };
  struct Half {
    Link link;
    bool source_ended = false;
    bool ended = false;    // and the receiver was told
    bool blocked = false;  // the receiver takes nothing more at present
  };

  Outcome receive(Direction direction, ProxyState& state, Clock::time_point now);
  Outcome send(Direction direction, ProxyState& state, Clock::time_point now);
  void count(Direction direction, std::string_view bytes, ProxyState& state);
  bool still(const ProxyState& state) const { return state.stalled || held_ || vanished_; }
  int source(Direction d) const { return (d == Direction::to_server ? client_ : server_).get(); }
  int target(Direction d) const { return (d == Direction::to_server ? server_ : client_).get(); }

  Fd client_;
  Fd server_;
  std::array<Half, 2> halves_;
  CommandLog log_;
  std::optional<Direction> last_;
  bool held_ = false;
  bool vanished_ = false;
};

}  // namespace emlfs::test
