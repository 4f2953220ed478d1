#include "support/proxy.h"

#include <sys/socket.h>

#include <cerrno>
#include <condition_variable>
#include <ctime>
#include <deque>
#include <exception>
#include <iostream>
#include <thread>
#include <utility>

#include "emlfs/base/error.h"
#include "emlfs/base/file.h"
#include "emlfs/base/mutex.h"
#include "support/proxy_connection.h"
#include "support/sockets.h"

namespace emlfs::test {
namespace {

size_t index(Direction direction) {
  return direction == Direction::to_server ? 0 : 1;
}

timespec until(Clock::time_point moment, Clock::time_point now) {
  const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(moment - now).count();
  return {static_cast<time_t>(left / 1'000'000'000), static_cast<long>(left % 1'000'000'000)};
}

// A port that somebody listens on can't be taken by us as well, although ours are shared between
// the listener and the socket that keeps the port while nothing listens.
Fd reservePort(const ProxyAddress& address) {
  if (address.port != 0) {
    const Fd probe = connectTo(address.host, address.port);
    pollfd wait{probe.get(), POLLOUT, 0};
    poll(&wait, 1, 1000);
    if ((wait.revents & (POLLERR | POLLHUP)) == 0) {
      throw systemError("listening on port " + std::to_string(address.port), EADDRINUSE);
    }
  }
  return boundSocket(address.host, address.port);
}

void stepAll(std::vector<ProxyConnection>& connections, ProxyState& state, Clock::time_point now) {
  std::erase_if(connections, [&](ProxyConnection& each) { return !each.step(state, now); });
}

class RunningProxy : public Proxy {
 public:
  RunningProxy(ProxyAddress server, const ProxyAddress& listen)
      : host_(listen.host),
        reserved_(reservePort(listen)),
        port_(portOf(reserved_)),
        server_(std::move(server)) {
    openListener();
    thread_ = std::thread([this] { run(); });
  }

  ~RunningProxy() override {
    {
      const MutexLock lock(mutex_);
      stopping_ = true;
    }
    wake_.signal();
    thread_.join();
  }

  uint16_t port() const override { return port_; }

  ProxyStats stats() const override {
    const MutexLock lock(mutex_);
    return state_.stats;
  }

  std::vector<std::string> commands() const override {
    const MutexLock lock(mutex_);
    return state_.commands;
  }

  void resetStats() override {
    const MutexLock lock(mutex_);
    const uint64_t open = state_.stats.open;
    state_.stats = {};
    state_.stats.open = open;
    state_.commands.clear();
  }

  bool waitFor(const std::function<bool(const ProxyStats&)>& condition,
               Milliseconds limit) override {
    const Deadline deadline = Deadline::after(limit);
    MutexLock lock(mutex_);
    while (!condition(state_.stats)) {
      if (deadline.passed()) return false;
      changed_.wait_until(lock, deadline.at());
    }
    return true;
  }

  void setRoundTrip(Milliseconds round_trip) override {
    {
      const MutexLock lock(mutex_);
      for (Line& line : state_.lines) line.delay = round_trip / 2;
    }
    tellAll();
  }

  void setRate(uint64_t bytes_per_second) override {
    {
      const MutexLock lock(mutex_);
      for (Line& line : state_.lines) line.bytes_per_second = bytes_per_second;
    }
    tellAll();
  }

  void cutAfter(Direction direction, uint64_t bytes, const std::vector<uint64_t>& more) override {
    std::deque<PlannedFault> cuts{{bytes, Fault::cut}};
    for (const uint64_t each : more) cuts.push_back({each, Fault::cut});
    plan(direction, std::move(cuts));
  }

  void cutNoMore() override {
    const MutexLock lock(mutex_);
    forget(Fault::cut);
  }

  void stallAfter(Direction direction, uint64_t bytes) override {
    plan(direction, {{bytes, Fault::stall}});
  }

  void stallOpen() override {
    {
      const MutexLock lock(mutex_);
      for (ProxyConnection& connection : connections_) connection.hold();
    }
    tellAll();
  }

  void vanish() override {
    {
      const MutexLock lock(mutex_);
      for (ProxyConnection& connection : connections_) connection.vanish();
    }
    tellAll();
  }

  void setServer(const ProxyAddress& server) override {
    const MutexLock lock(mutex_);
    server_ = server;
  }

  void cutNow() override {
    {
      const MutexLock lock(mutex_);
      state_.stats.cuts += connections_.size();
      state_.stats.open = 0;
      connections_.clear();
    }
    tellAll();
  }

  void inject(Direction direction, std::string_view bytes) override {
    {
      const MutexLock lock(mutex_);
      for (ProxyConnection& connection : connections_) {
        connection.inject(direction, bytes, state_, Clock::now());
      }
    }
    tellAll();
  }

  void stall() override {
    {
      const MutexLock lock(mutex_);
      state_.stalled = true;
    }
    tellAll();
  }

  void refuse() override {
    {
      const MutexLock lock(mutex_);
      // The thread's poll(2) keeps a closed socket listening until it returns; a shut down one not.
      if (listener_) ::shutdown(listener_.get(), SHUT_RDWR);
      listener_.reset();
    }
    tellAll();
  }

  void resume() override {
    {
      const MutexLock lock(mutex_);
      state_.stalled = false;
      forget(Fault::stall);
      for (ProxyConnection& connection : connections_) connection.release();
      if (!listener_) openListener();
    }
    tellAll();
  }

 private:
  void plan(Direction direction, std::deque<PlannedFault> faults) {
    {
      const MutexLock lock(mutex_);
      state_.planned[index(direction)] = std::move(faults);
    }
    tellAll();
  }

  void forget(Fault kind) REQUIRES(mutex_) {
    for (auto& faults : state_.planned)
      std::erase_if(faults, [&](const PlannedFault& each) { return each.kind == kind; });
  }

  void tellAll() {
    changed_.notify_all();
    wake_.signal();
  }

  void openListener() REQUIRES(mutex_) {
    listener_ = boundSocket(host_, port_);
    listenOn(listener_);
  }

  void run() noexcept {
    try {
      std::vector<pollfd> waits;
      while (true) {
        wake_.clear();
        Clock::time_point wake = Clock::time_point::max();
        {
          const MutexLock lock(mutex_);
          if (stopping_) return;
          forward();
          listWaits(waits, wake);
        }
        changed_.notify_all();
        const Clock::time_point now = Clock::now();
        const timespec left = until(std::max(wake, now), now);
        const timespec* timeout = wake == Clock::time_point::max() ? nullptr : &left;
        if (ppoll(waits.data(), waits.size(), timeout, nullptr) < 0 && errno != EINTR) {
          throw systemError("ppoll", errno);
        }
      }
    } catch (const std::exception& failure) {
      // A test that goes on without its proxy would say something misleading.
      std::cerr << "the proxy failed: " << failure.what() << '\n';
      std::terminate();
    }
  }

  void forward() REQUIRES(mutex_) {
    const Clock::time_point now = Clock::now();
    while (listener_) {
      Fd client = acceptOn(listener_);
      if (!client) break;
      ++state_.stats.connections;
      connections_.emplace_back(std::move(client), connectTo(server_.host, server_.port), state_,
                                now);
    }
    stepAll(connections_, state_, now);
    state_.stats.open = connections_.size();
  }

  void listWaits(std::vector<pollfd>& waits, Clock::time_point& wake) const REQUIRES(mutex_) {
    waits.assign(1, {wake_.fd(), POLLIN, 0});
    if (listener_) waits.push_back({listener_.get(), POLLIN, 0});
    for (const ProxyConnection& connection : connections_) {
      connection.wants(state_, waits, wake);
    }
  }

  const std::string host_;
  const Fd reserved_;  // bound but never listening: keeps the port while connections are refused
  const uint16_t port_;
  Event wake_;
  mutable Mutex mutex_;
  Condition changed_;
  ProxyAddress server_ GUARDED_BY(mutex_);
  Fd listener_ GUARDED_BY(mutex_);
  std::vector<ProxyConnection> connections_ GUARDED_BY(mutex_);
  ProxyState state_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<Proxy> Proxy::start(const ProxyAddress& server, const ProxyAddress& listen) {
  return std::make_unique<RunningProxy>(server, listen);
}

}  // namespace emlfs::test
