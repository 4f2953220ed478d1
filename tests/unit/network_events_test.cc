#include "account/network_events.h"

#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstring>
#include <future>
#include <thread>

namespace emlfs {
namespace {

// In a network of its own, so that nobody else's is touched: its loopback device is still down.
bool bringLoopbackUp() {
  const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strncpy(request.ifr_name, "lo", IFNAMSIZ - 1);
  if (!socket || ::ioctl(socket.get(), SIOCGIFFLAGS, &request) != 0) return false;
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  return ::ioctl(socket.get(), SIOCSIFFLAGS, &request) == 0;
}

TEST(NetworkEvents, TellsOfANewAddress) {
  bool may = true;
  std::thread([&may] {
    if (::unshare(CLONE_NEWNET) != 0) {
      may = false;
      return;
    }
    std::promise<NetworkEvents::Kind> told;
    std::atomic<bool> first{true};
    NetworkEvents events([&](NetworkEvents::Kind kind) {
      if (first.exchange(false)) told.set_value(kind);
    });
    events.start();
    ASSERT_TRUE(bringLoopbackUp());
    auto future = told.get_future();
    ASSERT_EQ(future.wait_for(std::chrono::seconds(10)), std::future_status::ready);
    EXPECT_EQ(future.get(), NetworkEvents::Kind::changed);
    events.stop();
  }).join();
  if (!may) GTEST_SKIP() << "this user can't make a network of his own";
}

TEST(NetworkEvents, EndsAtOnce) {
  NetworkEvents events([](NetworkEvents::Kind) {});
  events.start();
  events.stop();
  events.stop();
}

}  // namespace
}  // namespace emlfs
