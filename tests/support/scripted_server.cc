#include "support/scripted_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#include <csignal>
#include <stdexcept>
#include <thread>
#include <vector>

#include "emlfs/base/mutex.h"
#include "support/scripted_peer.h"

namespace emlfs::test {
namespace {

// OpenSSL writes without MSG_NOSIGNAL. SIGPIPE goes to the thread that wrote, so it is enough that
// the server's own threads block it; the client under test gets no such help.
void blockPipeSignal() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

class Server : public ScriptedServer {
 public:
  Server(Script script, const ServerTls* tls) : script_(std::move(script)) {
    if (tls) {
      context_ = serverContext(*tls);
      tls_from_start_ = tls->from_start;
    }
    listener_ = Fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (bind(listener_.get(), generic, size) != 0 || listen(listener_.get(), 64) != 0 ||
        getsockname(listener_.get(), generic, &size) != 0) {
      throw std::runtime_error("can't listen on loopback");
    }
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept(); });
  }

  ~Server() override {
    stop_.signal();
    acceptor_.join();
    for (std::thread& connection : connections_) connection.join();
  }

  uint16_t port() const override { return port_; }

  std::string failures() override {
    MutexLock lock(mutex_);
    while (active_ > 0) changed_.wait(lock);
    return failures_;
  }

 private:
  void accept() {
    blockPipeSignal();
    for (;;) {
      pollfd waited[] = {{listener_.get(), POLLIN, 0}, {stop_.fd(), POLLIN, 0}};
      if (poll(waited, 2, -1) < 0) continue;
      if (waited[1].revents != 0) return;
      Fd socket(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!socket) continue;
      ScriptedPeer::Setup setup{static_cast<int>(connections_.size()), context_.get(), stop_.fd(),
                                [this](bool resting) { count(resting ? -1 : 1); }};
      count(1);
      connections_.emplace_back([this, peer = std::make_shared<ScriptedPeer>(
                                           std::move(socket), setup)] { serve(*peer); });
    }
  }

  void serve(ScriptedPeer& peer) {
    if (startedTls(peer)) {
      try {
        script_(peer);
      } catch (const std::exception& error) {
        MutexLock lock(mutex_);
        failures_ += fmt::format("connection {}: {}\n", peer.connection(), error.what());
      }
    }
    peer.finish();
    count(-1);
  }

  bool startedTls(ScriptedPeer& peer) {
    if (!context_ || !tls_from_start_) return true;
    try {
      peer.startTls();
      return true;
    } catch (const std::exception&) {
      return false;  // the client's right; a test of the client sees why
    }
  }

  void count(int change) {
    MutexLock lock(mutex_);
    active_ += change;
    changed_.notify_all();
  }

  const Script script_;
  std::shared_ptr<SSL_CTX> context_;
  bool tls_from_start_ = false;
  Fd listener_;
  uint16_t port_ = 0;
  Event stop_;
  std::vector<std::thread> connections_;  // of the acceptor, until it is joined
  Mutex mutex_;
  Condition changed_;
  int active_ GUARDED_BY(mutex_) = 0;  // scripts that neither returned nor rest in waitForClose
  std::string failures_ GUARDED_BY(mutex_);
  std::thread acceptor_;
};

}  // namespace

std::unique_ptr<ScriptedServer> ScriptedServer::start(Script script) {
  return std::make_unique<Server>(std::move(script), nullptr);
}

std::unique_ptr<ScriptedServer> ScriptedServer::start(Script script, const ServerTls& tls) {
  return std::make_unique<Server>(std::move(script), &tls);
}

}  // namespace emlfs::test
