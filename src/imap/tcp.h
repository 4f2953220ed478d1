// A TCP connection whose waits end with a deadline or the interrupt event. Owned by one thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "emlfs/base/clock.h"
#include "emlfs/base/file.h"
#include "emlfs/imap/session.h"
#include "emlfs/imap/throttle.h"
#include "imap/patience.h"

namespace emlfs::imap {

// "host:port", with brackets around an IPv6 address.
std::string hostAndPort(const std::string& host, uint16_t port);

// What every byte is counted by; each may be null, neither is owned.
struct Counted {
  Traffic* traffic = nullptr;
  Throttle* throttle = nullptr;
};

class TcpStream {
 public:
  // Resolves `host` and races its addresses (RFC 8305). `interrupt` is not owned. Later the peer
  // counts as gone when the network brought no sign of it for `timeout`. Throws Error: network,
  // timeout, cancelled.
  TcpStream(const std::string& host, uint16_t port, Milliseconds timeout, Counted counted,
            const Event& interrupt, Deadline deadline);

  // At least one byte. The end of the stream is Error(network).
  size_t read(std::span<char> into, Deadline deadline);
  // Waits until read() would give something at once, its end included: false if the deadline, or
  // `wake`, comes first.
  bool readable(Deadline deadline, const Event& wake);
  // All of it. What the server sends meanwhile is kept for read(), up to 1 MiB, so that two sides
  // that both write don't wait for each other.
  // With `patience`, what the peer acknowledges meanwhile buys time.
  void write(std::string_view bytes, Deadline deadline, Patience* patience = nullptr);
  // Waits until the peer has acknowledged all that was written. What it sends is kept as above.
  void drain(Patience& patience);
  // What fits into the socket's buffer, without waiting. Failures are of no interest to the caller.
  void writeWithoutWaiting(std::string_view bytes) noexcept;

  // See Transport.
  Clock::duration takeHeldBack() { return std::exchange(held_back_, {}); }

  const std::string& peer() const { return peer_; }  // "host:port", for messages

 private:
  size_t receive(std::span<char> into);          // 0: nothing there, or the end
  size_t send(std::string_view bytes) noexcept;  // 0: no room, or broken
  void receiveEarly();
  // Waits until our own limit lets us receive or send, which moves the deadline.
  void awaitTurn(Deadline& deadline, Patience* patience = nullptr);
  size_t pieceOf(size_t size) const;
  // Waits for `events`, gives what happened. Throws when the deadline has passed, which moves while
  // the peer acknowledges what it was sent.
  short waitToSend(short events, Deadline& deadline, Patience* patience);
  uint64_t unacknowledged() const;

  std::string peer_;
  const Counted counted_;
  const Event& interrupt_;
  Fd socket_;
  std::string early_;  // arrived during write()
  bool ended_ = false;
  uint64_t sent_ = 0;
  Clock::duration held_back_{};  // see takeHeldBack()
  uint64_t acknowledged_ = 0;    // of `sent_`, when it was last looked at
};

}  // namespace emlfs::imap
