#include "imap/tcp_connect.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>

#include "emlfs/base/error.h"
#include "imap/wait.h"

namespace emlfs::imap {
namespace {

constexpr Milliseconds kHeadStart{250};  // "Connection Attempt Delay" of RFC 8305 section 5
constexpr size_t kMostAddresses = 16;

// A race between connection attempts, for at least one address.
class Race {
 public:
  Race(const std::vector<Address>& addresses, const std::string& peer)
      : addresses_(addresses), peer_(peer) {}

  Fd run(Deadline deadline, const Event& interrupt) {
    for (;;) {
      while (running_.empty() && next_ < count()) start();
      if (running_.empty()) throw failure();
      const Deadline until = std::min(deadline, Deadline::after(kHeadStart),
                                      [](Deadline a, Deadline b) { return a.at() < b.at(); });
      const bool any =
          waitForAny(polled_.data(), polled_.size(), next_ < count() ? until : deadline, interrupt);
      if (any) {
        if (Fd winner = firstConnected()) return winner;
      } else if (deadline.passed()) {
        throw Error(
            Code::timeout, Scope::connection,
            fmt::format("{} does not answer (is the host right, and no firewall between?)", peer_));
      }
      if (next_ < count()) start();
    }
  }

 private:
  size_t count() const { return std::min(addresses_.size(), kMostAddresses); }

  void start() {
    const Address& address = addresses_[next_++];
    Fd socket(::socket(address.bytes.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket) {
      note(errno);
    } else if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&address.bytes),
                       address.size) != 0 &&
               errno != EINPROGRESS) {
      note(errno);
    } else {
      polled_.push_back({socket.get(), POLLOUT, 0});
      running_.push_back(std::move(socket));
    }
  }

  // Drops the attempts that have failed.
  Fd firstConnected() {
    for (size_t i = polled_.size(); i-- > 0;) {
      if (polled_[i].revents == 0) continue;
      int error = 0;
      socklen_t size = sizeof error;
      if (getsockopt(running_[i].get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
      if (error == 0) return std::move(running_[i]);
      note(error);
      polled_.erase(polled_.begin() + static_cast<std::ptrdiff_t>(i));
      running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    return {};
  }

  // A host without IPv6 often has "network unreachable" for that address; a refusal says more.
  void note(int error) {
    if (error_ != ECONNREFUSED) error_ = error;
  }

  Error failure() const {
    if (error_ == ECONNREFUSED) {
      return {
          Code::network, Scope::connection,
          fmt::format("{} refused the connection (is the port right, and is the server running?)",
                      peer_)};
    }
    return {Code::network, Scope::connection,
            systemError(fmt::format("can't connect to {}", peer_), error_).what()};
  }

  const std::vector<Address>& addresses_;
  const std::string& peer_;
  size_t next_ = 0;
  int error_ = 0;
  std::vector<Fd> running_;
  std::vector<pollfd> polled_;  // of running_, in its order
};

}  // namespace

Fd connectToAny(const std::vector<Address>& addresses, const std::string& peer, Deadline deadline,
                const Event& interrupt) {
  Fd socket = Race(addresses, peer).run(deadline, interrupt);
  const int on = 1;  // commands are short, and each is waited for
  setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return socket;
}

}  // namespace emlfs::imap
