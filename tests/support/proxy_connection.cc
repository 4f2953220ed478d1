#include "support/proxy_connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>

#include "support/sockets.h"

namespace emlfs::test {
namespace {

constexpr std::array kDirections{Direction::to_server, Direction::to_client};

size_t index(Direction direction) {
  return direction == Direction::to_server ? 0 : 1;
}

}  // namespace

// On a real line the client's connect() takes a round trip, and the server's first words another
// half after that.
ProxyConnection::ProxyConnection(Fd client, Fd server, const ProxyState& state,
                                 Clock::time_point now)
    : client_(std::move(client)),
      server_(std::move(server)),
      halves_{Half{Link(now + 2 * state.lines[0].delay)},
              Half{Link(now + 3 * state.lines[1].delay)}} {}

bool ProxyConnection::step(ProxyState& state, Clock::time_point now) {
  if (still(state)) return true;
  for (const Direction direction : kDirections) {
    if (still(state)) break;  // a planned stall has just begun
    if (receive(direction, state, now) == Outcome::broken ||
        send(direction, state, now) == Outcome::broken) {
      return false;
    }
  }
  return !(halves_[0].ended && halves_[1].ended);
}

ProxyConnection::Outcome ProxyConnection::receive(Direction direction, ProxyState& state,
                                                  Clock::time_point now) {
  Half& half = halves_[index(direction)];
  Line& line = state.lines[index(direction)];
  std::array<char, 65536> buffer;
  while (!half.source_ended) {
    const size_t room = std::min(half.link.room(line), buffer.size());
    if (room == 0) break;
    const ssize_t received = recv(source(direction), buffer.data(), room, 0);
    if (received < 0 && (errno == EAGAIN || errno == EINTR)) break;
    if (received < 0) {
      // The other side is to see what this side did.
      resetConnection(client_);
      resetConnection(server_);
      return Outcome::broken;
    }
    if (received == 0) {
      half.source_ended = true;
      half.link.putEnd(line, now);
      break;
    }
    const std::string_view bytes(buffer.data(), static_cast<size_t>(received));
    count(direction, bytes, state);
    half.link.put(bytes, line, now);
  }
  return Outcome::going_on;
}

void ProxyConnection::count(Direction direction, std::string_view bytes, ProxyState& state) {
  if (direction == Direction::to_server) {
    if (last_ != direction) ++state.stats.round_trips;
    log_.feed(bytes);
    std::vector<std::string> commands = log_.take();
    state.stats.commands += commands.size();
    std::move(commands.begin(), commands.end(), std::back_inserter(state.commands));
  }
  last_ = direction;
}

ProxyConnection::Outcome ProxyConnection::send(Direction direction, ProxyState& state,
                                               Clock::time_point now) {
  Half& half = halves_[index(direction)];
  std::deque<PlannedFault>& planned = state.planned[index(direction)];
  half.blocked = false;
  for (std::string_view bytes; !(bytes = half.link.due(now)).empty();) {
    const size_t allowed =
        planned.empty() ? bytes.size() : std::min<size_t>(bytes.size(), planned.front().bytes);
    ssize_t sent = 0;
    if (allowed > 0) sent = ::send(target(direction), bytes.data(), allowed, MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
      half.blocked = true;
      return Outcome::going_on;
    }
    if (sent < 0) {
      resetConnection(client_);
      resetConnection(server_);
      return Outcome::broken;
    }
    half.link.consume(static_cast<size_t>(sent));
    state.bytes(direction) += static_cast<uint64_t>(sent);
    if (!planned.empty()) planned.front().bytes -= static_cast<uint64_t>(sent);
    if (!planned.empty() && planned.front().bytes == 0) {
      const Fault fault = planned.front().kind;
      planned.pop_front();
      if (fault == Fault::stall) {
        ++state.stats.stalls;
        state.stalled = true;
        return Outcome::going_on;
      }
      ++state.stats.cuts;
      endConnection(client_);
      endConnection(server_);
      return Outcome::broken;
    }
  }
  if (half.link.endDue(now) && !half.ended) {
    half.ended = true;
    shutdown(target(direction), SHUT_WR);
  }
  return Outcome::going_on;
}

void ProxyConnection::wants(const ProxyState& state, std::vector<pollfd>& waits,
                            Clock::time_point& wake) const {
  if (still(state)) return;
  for (const Direction direction : kDirections) {
    const Half& half = halves_[index(direction)];
    if (!half.source_ended && half.link.room(state.lines[index(direction)]) > 0) {
      waits.push_back({source(direction), POLLIN, 0});
    }
    if (half.blocked) waits.push_back({target(direction), POLLOUT, 0});
    // Also what fell due since the last step, or nothing would wake us for it.
    if (half.blocked || half.link.empty() || half.ended) continue;
    wake = std::min(wake, half.link.nextDue());
  }
}

void ProxyConnection::vanish() {
  vanished_ = true;
  server_.reset();
}

void ProxyConnection::inject(Direction direction, std::string_view bytes, ProxyState& state,
                             Clock::time_point now) {
  Half& half = halves_[index(direction)];
  if (!half.source_ended && !vanished_) half.link.put(bytes, state.lines[index(direction)], now);
}

}  // namespace emlfs::test
