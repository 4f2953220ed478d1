// How a connection is made where a host has several addresses, or none that answers.
#include "imap/tcp_connect.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "wire/transport_fixture.h"

namespace emlfs::imap {
namespace {

using testing::HasSubstr;

TEST_F(TransportTest, ARefusedConnectionNamesHostAndPort) {
  Endpoint to = endpoint(*ScriptedServer::start([](Peer&) {}));  // stopped at once
  const Error error = connectError(to);
  EXPECT_EQ(error.code, Code::network);
  EXPECT_EQ(error.scope, Scope::connection);
  EXPECT_THAT(error.what(), HasSubstr("localhost:" + std::to_string(to.port)));
  EXPECT_THAT(error.what(), HasSubstr("refused"));
}

TEST_F(TransportTest, AnUnknownHostIsNamed) {
  Endpoint to;
  to.host = "no-such-host.invalid";
  const Error error = connectError(to);
  EXPECT_THAT(error.code, testing::AnyOf(Code::network, Code::timeout));
  EXPECT_THAT(error.what(), HasSubstr("no-such-host.invalid"));
}

// A listener on loopback that lets connections in or, its queue full, leaves them without answer.
struct Listener {
  explicit Listener(bool silent) : socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    auto* in = reinterpret_cast<sockaddr_in*>(&address.bytes);
    in->sin_family = AF_INET;
    in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.size = sizeof *in;
    auto* generic = reinterpret_cast<sockaddr*>(&address.bytes);
    EXPECT_EQ(bind(socket.get(), generic, address.size), 0);
    EXPECT_EQ(listen(socket.get(), silent ? 0 : 8), 0);
    EXPECT_EQ(getsockname(socket.get(), generic, &address.size), 0);
    if (!silent) return;
    fill = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(connect(fill.get(), generic, address.size), 0);
  }
  Address address;
  Fd socket;
  Fd fill;
};

TEST_F(TransportTest, ASilentOrRefusingAddressDoesNotHoldUpTheNext) {
  const Listener silent(true);
  const Listener good(false);
  const Address refusing = Listener(false).address;
  const Fd socket = connectToAny({silent.address, refusing, good.address}, "test",
                                 Deadline::after(Milliseconds(60'000)), interrupt_);
  sockaddr_in peer{};
  socklen_t size = sizeof peer;
  ASSERT_EQ(getpeername(socket.get(), reinterpret_cast<sockaddr*>(&peer), &size), 0);
  EXPECT_EQ(peer.sin_port, reinterpret_cast<const sockaddr_in*>(&good.address.bytes)->sin_port);
}

TEST_F(TransportTest, SilenceOfEveryAddressIsATimeout) {
  const Listener silent(true);
  const Error error = errorOf([&] {
    connectToAny({silent.address}, "host:993", Deadline::after(Milliseconds(300)), interrupt_);
  });
  EXPECT_EQ(error.code, Code::timeout);
  EXPECT_THAT(error.what(), HasSubstr("host:993"));
}

}  // namespace
}  // namespace emlfs::imap
