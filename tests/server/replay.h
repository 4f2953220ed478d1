// What the tests of src/sync's replay share: a real server behind a proxy that can cut, and a
// client that changes mail.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <initializer_list>
#include <memory>
#include <ostream>
#include <set>
#include <string>
#include <string_view>

#include "emlfs/base/error.h"
#include "support/proxy.h"
#include "support/server_test.h"
#include "support/sync_client.h"

namespace emlfs::sync {

// No two numbers give the same bytes.
inline std::string numberedMail(int number, size_t body = 20) {
  return fmt::format(
      "From: Alice <alice@example.org>\r\nSubject: m{0}\r\nMessage-ID: <{0}@example.org>\r\n\r\n"
      "{1}\r\n",
      number, std::string(body, static_cast<char>('a' + number % 26)));
}

// A server, and what the client is not to know that it can.
struct ReplayCase {
  test::ImapServer::Kind kind;
  const char* name;
  std::set<std::string> without;
};
inline void PrintTo(const ReplayCase& one, std::ostream* out) {
  *out << one.name;
}

class ReplayFixture : public test::ServerTest {
 protected:
  // To be called by SetUp.
  void startBehindProxy(test::ImapServer::Kind kind, std::initializer_list<const char*> mailboxes) {
    start(kind);
    if (IsSkipped()) return;
    proxy_ = test::Proxy::start({server().host(), server().imapPort()});
    for (const char* mailbox : mailboxes) server().createMailbox(mailbox);
  }

  std::unique_ptr<test::SyncClient> client(const std::set<std::string>& without = {}) {
    return synced(proxy_->port(), without);
  }
  // One that knows nothing, on the server itself.
  std::unique_ptr<test::SyncClient> fresh() { return synced(server().imapPort(), {}); }
  void deliver(const std::string& mailbox, int first, int last) {
    for (int i = first; i <= last; ++i) server().deliver(mailbox, numberedMail(i));
  }

  // Sends what is pending over a new connection, which breaks after so many bytes, if they are
  // needed. True if it did.
  bool settleCut(test::SyncClient& client, test::Direction direction, uint64_t bytes) {
    proxy_->cutAfter(direction, bytes);
    const auto before = proxy_->stats().cuts;
    try {
      client.disconnect();
      client.settle();
    } catch (const Error& error) {
      EXPECT_TRUE(error.scope == Scope::connection || error.scope == Scope::account)
          << error.what();
    }
    const bool cut = proxy_->stats().cuts > before;
    client.disconnect();
    return cut;
  }

  std::unique_ptr<test::Proxy> proxy_;

 private:
  std::unique_ptr<test::SyncClient> synced(uint16_t port, const std::set<std::string>& without) {
    auto client = std::make_unique<test::SyncClient>(server(), port, without);
    client->sync();
    return client;
  }
};

}  // namespace emlfs::sync
