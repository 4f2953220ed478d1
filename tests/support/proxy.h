// A TCP proxy on loopback between a client and a server: it counts, and it makes the network as bad
// as a test wants. One thread forwards; every call here is thread-safe and takes effect at once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "emlfs/base/clock.h"

namespace emlfs::test {

enum class Direction { to_server, to_client };

struct ProxyStats {
  uint64_t connections = 0;  // accepted
  uint64_t open = 0;         // of them, open now
  uint64_t to_server = 0;    // bytes forwarded
  uint64_t to_client = 0;
  uint64_t commands = 0;     // IMAP commands seen in plaintext
  uint64_t round_trips = 0;  // times that a client spoke after the server had, or first
  uint64_t cuts = 0;         // connections cut by cutAfter and cutNow
  uint64_t stalls = 0;       // begun by stallAfter
};

struct ProxyAddress {
  std::string host = "127.0.0.1";  // numeric IPv4
  uint16_t port = 0;               // to listen on, 0 is any free one
};

class Proxy {
 public:
  // Throws Error(system) if it can't listen.
  static std::unique_ptr<Proxy> start(const ProxyAddress& server, const ProxyAddress& listen = {});
  virtual ~Proxy() = default;  // closes everything and joins

  virtual uint16_t port() const = 0;
  virtual ProxyStats stats() const = 0;
  virtual std::vector<std::string> commands() const = 0;  // see CommandLog
  virtual void resetStats() = 0;                          // all but `open` to 0, no commands

  // Waits until `condition` holds; false if it doesn't at the deadline. It is asked whenever
  // something has changed, on the calling thread.
  virtual bool waitFor(const std::function<bool(const ProxyStats&)>& condition,
                       Milliseconds limit = std::chrono::seconds(30)) = 0;

  // Half of it each way, also for what is being set up.
  virtual void setRoundTrip(Milliseconds round_trip) = 0;
  // In each direction, over all connections; 0 is no limit.
  virtual void setRate(uint64_t bytes_per_second) = 0;

  // Forwards exactly `bytes` more that way, over all connections, then closes the connection that
  // would carry the next one, or that carried the last one. Once: later connections are left alone,
  // but for one after each of `more` numbers of further bytes.
  virtual void cutAfter(Direction direction, uint64_t bytes,
                        const std::vector<uint64_t>& more = {}) = 0;
  virtual void cutNoMore() = 0;  // what cutAfter has planned
  virtual void cutNow() = 0;     // every open connection
  // Bytes that the other side never sent, into every open connection.
  virtual void inject(Direction direction, std::string_view bytes) = 0;

  virtual void stall() = 0;   // nothing moves, nothing closes; new connections are accepted
  virtual void refuse() = 0;  // new connections are refused, open ones live on
  virtual void resume() = 0;  // ends stall, stallAfter (also one to come), stallOpen and refuse

  // stall(), as soon as exactly `bytes` more have been forwarded that way, over all connections.
  virtual void stallAfter(Direction direction, uint64_t bytes) = 0;
  virtual void stallOpen() = 0;  // stall, for the connections that are open; later ones work
  // The peer is gone without a word, as behind a router that forgot, or after a suspend: open
  // connections never carry a byte again, whatever follows, and nobody closes them.
  virtual void vanish() = 0;
  // Later connections go there.
  virtual void setServer(const ProxyAddress& server) = 0;
};

}  // namespace emlfs::test
