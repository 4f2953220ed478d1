#include "support/sockets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "emlfs/base/error.h"

namespace emlfs::test {
namespace {

sockaddr_in address(const std::string& host, uint16_t port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(port);
  if (inet_pton(AF_INET, host.c_str(), &result.sin_addr) != 1) {
    throw Error(Code::invalid, Scope::account, host + " is no numeric IPv4 address");
  }
  return result;
}

Fd newSocket() {
  Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) throw systemError("socket", errno);
  return fd;
}

void setOption(const Fd& fd, int level, int option) {
  const int on = 1;
  if (setsockopt(fd.get(), level, option, &on, sizeof on) != 0) {
    throw systemError("setsockopt", errno);
  }
}

template <class Address>
auto* generic(Address& a) {
  return reinterpret_cast<sockaddr*>(&a);
}

}  // namespace

Fd boundSocket(const std::string& host, uint16_t port) {
  Fd fd = newSocket();
  setOption(fd, SOL_SOCKET, SO_REUSEADDR);
  setOption(fd, SOL_SOCKET, SO_REUSEPORT);
  sockaddr_in where = address(host, port);
  if (bind(fd.get(), generic(where), sizeof where) != 0) {
    throw systemError("binding " + host + " port " + std::to_string(port), errno);
  }
  return fd;
}

uint16_t portOf(const Fd& socket) {
  sockaddr_in where{};
  socklen_t size = sizeof where;
  if (getsockname(socket.get(), generic(where), &size) != 0) {
    throw systemError("getsockname", errno);
  }
  return ntohs(where.sin_port);
}

void listenOn(const Fd& socket) {
  if (listen(socket.get(), 128) != 0) throw systemError("listen", errno);
}

Fd acceptOn(const Fd& listener) {
  Fd fd(accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (fd) setOption(fd, IPPROTO_TCP, TCP_NODELAY);
  return fd;
}

Fd connectTo(const std::string& host, uint16_t port) {
  Fd fd = newSocket();
  setOption(fd, IPPROTO_TCP, TCP_NODELAY);
  sockaddr_in where = address(host, port);
  if (connect(fd.get(), generic(where), sizeof where) != 0 && errno != EINPROGRESS &&
      errno != ECONNREFUSED) {
    throw systemError("connecting to " + host + " port " + std::to_string(port), errno);
  }
  return fd;
}

void endConnection(Fd& socket) {
  std::array<char, 4096> unread;
  while (recv(socket.get(), unread.data(), unread.size(), 0) > 0) {
  }
  socket.reset();
}

void resetConnection(Fd& socket) {
  const linger now{1, 0};
  setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  socket.reset();
}

}  // namespace emlfs::test
