#include "support/proxy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include "emlfs/base/error.h"
#include "support/scripted_server.h"
#include "support/sockets.h"

namespace emlfs::test {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;

// A client that waits, with a deadline that only a failure reaches.
class Client {
 public:
  explicit Client(uint16_t port) : socket_(connectTo("127.0.0.1", port)) {
    wait(POLLOUT, 10'000);
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    char byte = 0;
    if (error == 0 && recv(socket_.get(), &byte, 1, MSG_PEEK) < 0 && errno != EAGAIN) error = errno;
    if (error != 0) throw systemError("connecting", error);
  }

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      wait(POLLOUT, 10'000);
      const ssize_t count = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count < 0 && errno != EAGAIN) throw systemError("send", errno);
      if (count > 0) bytes.remove_prefix(static_cast<size_t>(count));
    }
  }

  // Fewer bytes only if the connection ends, whichever way.
  std::string read(size_t count) {
    std::string bytes(count, '\0');
    size_t have = 0;
    while (have < count) {
      wait(POLLIN, 60'000);
      const ssize_t received = recv(socket_.get(), bytes.data() + have, count - have, 0);
      if (received <= 0) break;
      have += static_cast<size_t>(received);
    }
    bytes.resize(have);
    return bytes;
  }

  bool hasInput(int limit_ms) {
    pollfd waiting{socket_.get(), POLLIN, 0};
    return poll(&waiting, 1, limit_ms) > 0;
  }

  void close() { socket_.reset(); }

 private:
  void wait(short events, int limit_ms) {
    pollfd waiting{socket_.get(), events, 0};
    if (poll(&waiting, 1, limit_ms) != 1) throw std::runtime_error("a test client waits in vain");
  }
  Fd socket_;
};

// A server that sends back each line.
std::unique_ptr<ScriptedServer> echoServer() {
  return ScriptedServer::start([](Peer& peer) {
    try {
      while (true) peer.send(peer.readLine() + "\r\n");
    } catch (const std::runtime_error&) {
      // The client went, as in most of these tests.
    }
  });
}

// A server that sends `bytes` at once, then waits for the end.
std::unique_ptr<ScriptedServer> sourceServer(std::string bytes) {
  return ScriptedServer::start([bytes = std::move(bytes)](Peer& peer) {
    try {
      peer.send(bytes);
      peer.waitForClose();
    } catch (const std::runtime_error&) {
      // The client went, as in most of these tests.
    }
  });
}

std::unique_ptr<Proxy> proxyTo(const ScriptedServer& server) {
  return Proxy::start({.port = server.port()});
}

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

TEST(Proxy, CountsWhatPasses) {
  const auto server = echoServer();
  const auto proxy = proxyTo(*server);
  Client client(proxy->port());
  client.send("a NOOP\r\n");
  EXPECT_EQ(client.read(8), "a NOOP\r\n");
  client.send("b SELECT x\r\n");
  EXPECT_EQ(client.read(12), "b SELECT x\r\n");

  const ProxyStats stats = proxy->stats();
  EXPECT_EQ(stats.connections, 1U);
  EXPECT_EQ(stats.open, 1U);
  EXPECT_EQ(stats.to_server, 20U);
  EXPECT_EQ(stats.to_client, 20U);
  EXPECT_EQ(stats.commands, 2U);
  EXPECT_EQ(stats.round_trips, 2U);
  EXPECT_THAT(proxy->commands(), ElementsAre("a NOOP", "b SELECT x"));

  client.close();
  EXPECT_TRUE(proxy->waitFor([](const ProxyStats& now) { return now.open == 0; }));
  proxy->resetStats();
  EXPECT_EQ(proxy->stats().to_client, 0U);
  EXPECT_EQ(proxy->stats().connections, 0U);
}

TEST(Proxy, DelaysEachRoundTripAndTheSetUp) {
  const auto server = echoServer();
  const auto proxy = proxyTo(*server);
  proxy->setRoundTrip(milliseconds(60));
  Clock::time_point start = Clock::now();
  Client client(proxy->port());
  client.send("a\r\n");
  client.read(3);
  EXPECT_GE(secondsSince(start), 0.120);
  start = Clock::now();
  client.send("b\r\n");
  client.read(3);
  EXPECT_GE(secondsSince(start), 0.060);
}

TEST(Proxy, KeepsThroughputUnderDelay) {
  // One piece per round trip would take over a minute.
  const std::string bytes(size_t{20} << 20, 'x');
  const auto server = sourceServer(bytes);
  const auto proxy = proxyTo(*server);
  proxy->setRoundTrip(milliseconds(400));
  const Clock::time_point start = Clock::now();
  EXPECT_EQ(Client(proxy->port()).read(bytes.size()), bytes);
  EXPECT_LT(secondsSince(start), 30);
}

TEST(Proxy, Throttles) {
  const auto server = sourceServer(std::string(40'000, 'x'));
  const auto proxy = proxyTo(*server);
  proxy->setRate(100'000);
  const Clock::time_point start = Clock::now();
  EXPECT_EQ(Client(proxy->port()).read(40'000).size(), 40'000U);
  EXPECT_GE(secondsSince(start), 0.390);
}

TEST(Proxy, CutsExactlyAfterSoManyBytesToTheClient) {
  const std::string bytes = "* OK this is said to every client\r\n";
  const auto server = sourceServer(bytes);
  const auto proxy = proxyTo(*server);
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    proxy->cutAfter(Direction::to_client, cut);
    EXPECT_EQ(Client(proxy->port()).read(bytes.size()), bytes.substr(0, cut));
  }
  EXPECT_EQ(proxy->stats().cuts, bytes.size());
  EXPECT_EQ(Client(proxy->port()).read(bytes.size()), bytes);
}

TEST(Proxy, CutsExactlyAfterSoManyBytesToTheServer) {
  const auto server = echoServer();
  const auto proxy = proxyTo(*server);
  Client client(proxy->port());
  client.send("a\r\n");
  client.read(3);
  proxy->cutAfter(Direction::to_server, 5);
  client.send("1234567\r\n");
  EXPECT_EQ(client.read(1), "");
  EXPECT_EQ(proxy->stats().to_server, 8U);
}

TEST(Proxy, CutsEveryOpenConnection) {
  const auto server = echoServer();
  const auto proxy = proxyTo(*server);
  Client one(proxy->port());
  Client other(proxy->port());
  ASSERT_TRUE(proxy->waitFor([](const ProxyStats& stats) { return stats.open == 2; }));
  proxy->cutNow();
  EXPECT_EQ(one.read(1), "");
  EXPECT_EQ(other.read(1), "");
}

TEST(Proxy, StallsAndResumes) {
  const auto server = echoServer();
  const auto proxy = proxyTo(*server);
  Client client(proxy->port());
  client.send("a\r\n");
  client.read(3);
  proxy->stall();
  client.send("b\r\n");
  Client late(proxy->port());
  late.send("c\r\n");
  EXPECT_FALSE(client.hasInput(100));
  EXPECT_FALSE(late.hasInput(100));
  proxy->resume();
  EXPECT_EQ(client.read(3), "b\r\n");
  EXPECT_EQ(late.read(3), "c\r\n");
}

TEST(Proxy, RefusesNewConnectionsOnly) {
  const auto server = echoServer();
  const auto proxy = proxyTo(*server);
  Client client(proxy->port());
  client.send("a\r\n");
  client.read(3);
  proxy->refuse();
  EXPECT_THROW(Client(proxy->port()), Error);
  client.send("b\r\n");
  EXPECT_EQ(client.read(3), "b\r\n");
  proxy->resume();
  Client again(proxy->port());
  again.send("c\r\n");
  EXPECT_EQ(again.read(3), "c\r\n");
}

TEST(Proxy, InjectsBytes) {
  const auto server = echoServer();
  const auto proxy = proxyTo(*server);
  Client client(proxy->port());
  client.send("a\r\n");
  client.read(3);
  proxy->inject(Direction::to_client, "* BYE\r\n");
  EXPECT_EQ(client.read(7), "* BYE\r\n");
}

TEST(Proxy, ClosesWhenTheServerIsGone) {
  const uint16_t closed_port = portOf(boundSocket("127.0.0.1", 0));
  const auto proxy = Proxy::start({.port = closed_port});
  // The connection may be over before the client has looked at it.
  try {
    EXPECT_EQ(Client(proxy->port()).read(1), "");
  } catch (const Error& reset) {
    EXPECT_EQ(reset.code, Code::system);
  }
  EXPECT_TRUE(proxy->waitFor(
      [](const ProxyStats& stats) { return stats.connections == 1 && stats.open == 0; }));
}

TEST(Proxy, TakesNoPortThatIsInUse) {
  const auto server = echoServer();
  EXPECT_THROW(Proxy::start({.port = 1}, {.port = server->port()}), Error);
}

}  // namespace
}  // namespace emlfs::test
