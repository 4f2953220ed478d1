#include "imap/tcp.h"

#include <fmt/format.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <utility>

#include "emlfs/base/error.h"
#include "imap/resolve.h"
#include "imap/tcp_connect.h"
#include "imap/wait.h"

namespace emlfs::imap {
namespace {

constexpr size_t kMostEarly = 1 << 20;

// A peer that has vanished is noticed within `timeout`, whether we say something or only listen.
// Keep-alives also keep a NAT's entry.
void watchForPeer(int socket, Milliseconds timeout) {
  const auto set = [socket](int level, int option, int64_t value) {
    const int number = static_cast<int>(std::clamp<int64_t>(value, 1, INT_MAX));
    setsockopt(socket, level, option, &number, sizeof number);
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, timeout.count() / 2000);
  set(IPPROTO_TCP, TCP_KEEPINTVL, timeout.count() / 6000);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, timeout.count());
}

Deadline later(Deadline deadline, Clock::duration by) {
  return Deadline::at(deadline.at() + by);
}

}  // namespace

std::string hostAndPort(const std::string& host, uint16_t port) {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                             : fmt::format("[{}]:{}", host, port);
}

TcpStream::TcpStream(const std::string& host, uint16_t port, Milliseconds timeout, Counted counted,
                     const Event& interrupt, Deadline deadline)
    : peer_(hostAndPort(host, port)),
      counted_(counted),
      interrupt_(interrupt),
      socket_(connectToAny(resolve(host, port, deadline, interrupt), peer_, deadline, interrupt)) {
  watchForPeer(socket_.get(), timeout);
  if (counted_.traffic != nullptr) ++counted_.traffic->connects;
}

size_t TcpStream::receive(std::span<char> into) {
  const ssize_t got = recv(socket_.get(), into.data(), into.size(), 0);
  if (got > 0) {
    // A server that leaves Nagle's algorithm on (Courier) keeps the rest of an answer until we have
    // acknowledged its beginning. The kernel forgets this setting, so it is made each time.
    const int at_once = 1;
    setsockopt(socket_.get(), IPPROTO_TCP, TCP_QUICKACK, &at_once, sizeof at_once);
    if (counted_.traffic != nullptr) counted_.traffic->bytes_in += static_cast<uint64_t>(got);
    if (counted_.throttle != nullptr) counted_.throttle->took(static_cast<uint64_t>(got));
    return static_cast<size_t>(got);
  }
  if (got == 0) {
    ended_ = true;
  } else if (errno != EAGAIN && errno != EINTR) {
    throw Error(Code::network, Scope::connection,
                systemError(fmt::format("the connection to {} broke", peer_), errno).what());
  }
  return 0;
}

size_t TcpStream::send(std::string_view bytes) noexcept {
  const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent <= 0) return 0;
  sent_ += static_cast<uint64_t>(sent);
  if (counted_.traffic != nullptr) counted_.traffic->bytes_out += static_cast<uint64_t>(sent);
  if (counted_.throttle != nullptr) counted_.throttle->took(static_cast<uint64_t>(sent));
  return static_cast<size_t>(sent);
}

void TcpStream::awaitTurn(Deadline& deadline, Patience* patience) {
  if (counted_.throttle == nullptr) return;
  const auto began = Clock::now();
  Clock::duration waited{};
  for (auto due = counted_.throttle->due(waited); due > Clock::duration{};
       due = counted_.throttle->due(waited)) {
    waitForAny(nullptr, 0, Deadline::after(std::chrono::ceil<Milliseconds>(due)), interrupt_);
    waited = Clock::now() - began;
  }
  if (patience != nullptr)
    patience->excuse(waited);
  else
    held_back_ += waited;
  deadline = later(deadline, waited);
}

size_t TcpStream::pieceOf(size_t size) const {
  return counted_.throttle != nullptr ? std::min(size, counted_.throttle->piece()) : size;
}

size_t TcpStream::read(std::span<char> into, Deadline deadline) {
  if (!early_.empty()) {
    const size_t count = early_.copy(into.data(), into.size());
    early_.erase(0, count);
    return count;
  }
  // Also while there is always more to read, or a server that floods us could not be left.
  checkInterrupt(interrupt_);
  deadline = later(deadline, held_back_);  // one deadline may be for several calls
  awaitTurn(deadline);
  for (;;) {
    if (const size_t got = receive(into.first(pieceOf(into.size())))) return got;
    if (ended_) {
      throw Error(Code::network, Scope::connection,
                  fmt::format("the server closed the connection ({})", peer_));
    }
    if (waitFor(socket_.get(), POLLIN, deadline, interrupt_) == 0) {
      throw Error(Code::timeout, Scope::connection,
                  fmt::format("{} did not answer in time", peer_));
    }
  }
}

bool TcpStream::readable(Deadline deadline, const Event& wake) {
  if (!early_.empty() || ended_) return true;
  std::array<pollfd, 2> waited{pollfd{socket_.get(), POLLIN, 0}, pollfd{wake.fd(), POLLIN, 0}};
  return waitForAny(waited.data(), waited.size(), deadline, interrupt_) && waited[0].revents != 0;
}

uint64_t TcpStream::unacknowledged() const {
  int queued = 0;
  if (ioctl(socket_.get(), SIOCOUTQ, &queued) != 0 || queued < 0) return 0;
  return static_cast<uint64_t>(queued);
}

// The socket's buffer can hold megabytes, and poll(2) is silent until a third of it is free: on a
// slow line that is longer than any timeout. So now and then we look how much has arrived.
short TcpStream::waitToSend(short events, Deadline& deadline, Patience* patience) {
  constexpr Milliseconds kLook{200};
  for (;;) {
    const auto look = std::min(deadline.at(), Clock::now() + kLook);
    const short ready = waitFor(socket_.get(), events,
                                patience != nullptr ? Deadline::at(look) : deadline, interrupt_);
    const uint64_t arrived = sent_ - std::min(unacknowledged(), sent_);
    if (patience != nullptr && arrived > acknowledged_) {
      patience->came(arrived - std::exchange(acknowledged_, arrived));
      deadline = patience->deadline();
    }
    if ((ready & POLLOUT) != 0) return ready;
    // Even if there is something to read: a server that talks and takes nothing is not waited for.
    if (deadline.passed()) {
      throw Error(Code::timeout, Scope::connection,
                  fmt::format("{} took no more data in time", peer_));
    }
    if (ready != 0 || (events == POLLIN && unacknowledged() == 0)) return ready;
  }
}

void TcpStream::drain(Patience& patience) {
  Deadline deadline = patience.deadline();
  while (!ended_ && early_.size() < kMostEarly && unacknowledged() > 0) {
    if (waitToSend(POLLIN, deadline, &patience) != 0) receiveEarly();
  }
}

void TcpStream::write(std::string_view bytes, Deadline deadline, Patience* patience) {
  if (patience != nullptr) checkInterrupt(interrupt_);  // also while there is always room
  deadline = later(deadline, held_back_);
  while (!bytes.empty()) {
    awaitTurn(deadline, patience);
    if (const size_t sent = send(bytes.substr(0, pieceOf(bytes.size())))) {
      bytes.remove_prefix(sent);
      continue;
    }
    const int failure = errno;  // NOLINT(clang-analyzer-unix.Errno): send(2) has just set it
    if (failure == EINTR) continue;
    if (failure != EAGAIN) {
      throw Error(Code::network, Scope::connection,
                  systemError(fmt::format("the connection to {} broke", peer_), failure).what());
    }
    const bool listen = !ended_ && early_.size() < kMostEarly;
    const short ready =
        waitToSend(static_cast<short>(POLLOUT | (listen ? POLLIN : 0)), deadline, patience);
    if ((ready & POLLIN) != 0) receiveEarly();
  }
}

void TcpStream::receiveEarly() {
  char bytes[16 << 10];
  early_.append(bytes, receive(bytes));
}

void TcpStream::writeWithoutWaiting(std::string_view bytes) noexcept {
  send(bytes);
}

}  // namespace emlfs::imap
