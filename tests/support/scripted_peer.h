// The server's end of one connection of a ScriptedServer. Used by the connection's thread alone.
#pragma once

#include <openssl/ssl.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "emlfs/base/clock.h"
#include "emlfs/base/file.h"
#include "support/scripted_server.h"

namespace emlfs::test {

std::shared_ptr<SSL_CTX> serverContext(const ServerTls& tls);

class ScriptedPeer : public Peer {
 public:
  struct Setup {
    int connection = 0;
    SSL_CTX* context = nullptr;         // outlives the peer; null: no TLS
    int stop = -1;                      // readable when the server stops
    std::function<void(bool)> resting;  // told when waitForClose begins and ends
  };
  ScriptedPeer(Fd socket, Setup setup) : socket_(std::move(socket)), setup_(std::move(setup)) {}

  void send(std::string_view bytes) override;
  std::string readLine() override;
  std::string readBytes(size_t count) override;
  std::string expect(std::string_view command) override;
  void startTls() override;
  void close() override;
  void waitForClose() override;
  int connection() const override { return setup_.connection; }
  std::string serverName() const override { return server_name_; }
  bool resumed() const override { return ssl_ && SSL_session_reused(ssl_.get()) == 1; }
  uint64_t wireBytes() const override;

  void finish();  // close, with close_notify

 private:
  size_t readSome(char* into, size_t count, Deadline deadline);  // 0: end
  void fill(Deadline deadline);
  void wait(short events, Deadline deadline);
  void waitForTls(int result, Deadline deadline);

  struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  Fd socket_;
  Setup setup_;
  std::unique_ptr<SSL, FreeSsl> ssl_;
  std::string buffer_;  // received, not yet asked for
  std::string server_name_;
  uint64_t plain_bytes_ = 0;
};

}  // namespace emlfs::test
