// A byte stream to the server: TCP, then TLS, then what compresses. Every wait polls the socket and
// the interrupt event against a deadline; nothing here blocks otherwise. Owned by one thread.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "emlfs/base/clock.h"
#include "emlfs/base/file.h"
#include "emlfs/imap/endpoint.h"
#include "emlfs/imap/session.h"
#include "imap/patience.h"

namespace emlfs::imap {

class Transport {
 public:
  // Resolves, tries each address, and with Security::tls performs the handshake. `interrupt` (not
  // owned) ends any wait with Error(cancelled, connection). Throws Error(network, timeout, tls).
  static std::unique_ptr<Transport> connect(const Endpoint& endpoint, Traffic* traffic,
                                            Event& interrupt, Deadline deadline,
                                            Throttle* throttle = nullptr);
  virtual ~Transport() = default;  // closes, without waiting for the peer

  // Blocks until there is at least one byte. The end of the stream is Error(network).
  virtual size_t read(std::span<char> into, Deadline deadline) = 0;
  // Waits until read() would give something at once, its end included: false if the deadline, or
  // `wake`, comes first.
  virtual bool readable(Deadline deadline, const Event& wake) = 0;
  virtual void write(std::string_view bytes, Deadline deadline) = 0;
  // The same; what the peer acknowledges buys time.
  virtual void write(std::string_view bytes, Patience& patience) = 0;
  // Waits until the peer has acknowledged all that was written, or closed the connection.
  virtual void drain(Patience& patience) = 0;
  // How long the calls with a deadline have waited for our own limit (`throttle`) since this was
  // last asked: that is not the server's silence, and no such call counts it.
  virtual Clock::duration takeHeldBack() = 0;
  // STARTTLS: the caller has made sure that nothing of the plaintext is left over.
  virtual void startTls(Deadline deadline) = 0;
  // COMPRESS (RFC 4978), from the next byte in both directions; `received` is what came of them.
  virtual void compress(std::string_view received) = 0;
  virtual bool secure() const = 0;
  virtual std::string tlsVersion() const = 0;
};

}  // namespace emlfs::imap
