// A server on loopback that says what a test tells it to: for what real servers won't do on demand.
// A script runs on a thread of its own for every connection; a Peer's calls throw
// std::runtime_error when the client has gone or a deadline of ten seconds has passed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace emlfs::test {

class Peer {
 public:
  virtual ~Peer() = default;
  virtual void send(std::string_view bytes) = 0;
  // One line without its CRLF.
  virtual std::string readLine() = 0;
  virtual std::string readBytes(size_t count) = 0;
  // Reads a line whose command (after the tag) begins with `command`, whatever its case, and gives
  // its tag. Another line is an error.
  virtual std::string expect(std::string_view command) = 0;
  virtual void startTls() = 0;
  // Closes at once, without TLS's close_notify. A script that returns closes in order, with it.
  virtual void close() = 0;
  // Waits until the client closes the connection, and drops what it still sends.
  virtual void waitForClose() = 0;
  virtual int connection() const = 0;  // 0 for the first, and so on
  // What the client asked for with SNI; empty if it didn't, or without TLS.
  virtual std::string serverName() const = 0;
  virtual bool resumed() const = 0;  // it went on with a TLS session of an earlier connection
  // Bytes in both directions so far, as on the wire.
  virtual uint64_t wireBytes() const = 0;
};

struct ServerTls {
  std::string certificate;  // PEM file
  std::string key;          // PEM file
  bool from_start = true;   // TLS from the first byte; else only by Peer::startTls
  bool outdated = false;    // speaks nothing newer than TLS 1.1
};

class ScriptedServer {
 public:
  using Script = std::function<void(Peer&)>;
  static std::unique_ptr<ScriptedServer> start(Script script);
  static std::unique_ptr<ScriptedServer> start(Script script, const ServerTls& tls);
  virtual ~ScriptedServer() = default;  // closes everything and joins
  virtual uint16_t port() const = 0;
  // What the scripts threw, one line each; a test ends with EXPECT_EQ(server->failures(), "").
  // Waits until every script has returned or is in waitForClose. A client that breaks off the
  // handshake of TLS from the first byte is no failure: the script then doesn't run.
  virtual std::string failures() = 0;
};

}  // namespace emlfs::test
