#include "account/network_events.h"

#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ctime>
#include <limits>
#include <utility>

#include "emlfs/base/error.h"
#include "emlfs/base/log.h"
#include "emlfs/base/thread.h"

namespace emlfs {
namespace {

// A change of the network comes as many messages.
constexpr int kGather = 500;  // ms

Fd routeSocket() {
  Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups =
      RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;
  if (!socket || ::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    log::info("changes of the network can't be watched: {}", systemError("netlink", errno).what());
    return {};
  }
  return socket;
}

// What is there is of no interest, only that something is.
void drain(const Fd& fd) {
  std::array<char, 16 << 10> buffer;
  while (::read(fd.get(), buffer.data(), buffer.size()) > 0) {
  }
}

}  // namespace

NetworkEvents::NetworkEvents(std::function<void(Kind)> happened)
    : happened_(std::move(happened)),
      routes_(routeSocket()),
      clock_(::timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK)) {}

void NetworkEvents::start() {
  thread_ = startThread("network events", [this] { loop(); });
}

void NetworkEvents::stop() {
  stopping_.signal();
  if (thread_.joinable()) thread_.join();
}

// A timer that never fires, and is cancelled when the clock is set: that is what the kernel does
// after a sleep.
void NetworkEvents::watchClock() {
  itimerspec never{};
  never.it_value.tv_sec = std::numeric_limits<time_t>::max();
  ::timerfd_settime(clock_.get(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, nullptr);
}

void NetworkEvents::loop() {
  watchClock();
  std::array<pollfd, 3> waited{pollfd{stopping_.fd(), POLLIN, 0}, pollfd{routes_.get(), POLLIN, 0},
                               pollfd{clock_.get(), POLLIN, 0}};
  for (;;) {
    if (::poll(waited.data(), waited.size(), -1) < 0 && errno != EINTR) {
      log::error("{}", systemError("waiting for changes of the network", errno).what());
      return;
    }
    const bool clock_set = waited[2].revents != 0;
    if (waited[0].revents != 0 || ::poll(waited.data(), 1, kGather) > 0) return;
    drain(routes_);
    drain(clock_);
    if (clock_set) watchClock();
    happened_(clock_set ? Kind::woke_up : Kind::changed);
  }
}

}  // namespace emlfs
