#include "app/notify_socket.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <cstring>

#include <array>
#include <cerrno>
#include <cstddef>
#include <string_view>

#include "emlfs/base/error.h"

namespace emlfs::app {
namespace {

bool holdsLine(std::string_view text, std::string_view line) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    if (text.substr(0, end) == line) return true;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return false;
}

}  // namespace

// In the abstract namespace, where nothing has to be removed. Anybody may write to it: who wrote is
// what the kernel says.
NotifySocket::NotifySocket()
    : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
  if (!socket_) throw systemError("socket", errno);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const int on = 1;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  socklen_t length = sizeof address;
  // Without a name the kernel chooses one.
  if (::setsockopt(socket_.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0 ||
      ::bind(socket_.get(), generic, sizeof(sa_family_t)) != 0 ||
      ::getsockname(socket_.get(), generic, &length) != 0)
    throw systemError("socket", errno);
  address_.assign(address.sun_path, length - offsetof(sockaddr_un, sun_path));
  address_.front() = '@';
}

std::optional<NotifySocket::Note> NotifySocket::take() {
  std::array<char, 4096> text{};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred)) + 256> control{};
  iovec part{text.data(), text.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t got = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
  if (got < 0) return std::nullopt;
  Note note;
  note.ready = holdsLine({text.data(), static_cast<size_t>(got)}, "READY=1");
  for (cmsghdr* each = CMSG_FIRSTHDR(&message); each != nullptr;
       each = CMSG_NXTHDR(&message, each)) {
    if (each->cmsg_level != SOL_SOCKET) continue;
    if (each->cmsg_type == SCM_CREDENTIALS) {
      ucred sender{};
      std::memcpy(&sender, CMSG_DATA(each), sizeof sender);
      note.from = sender.pid;
    } else if (each->cmsg_type == SCM_RIGHTS) {
      const size_t count = (each->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (size_t i = 0; i < count; ++i) {
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(each) + i * sizeof fd, sizeof fd);
        const Fd unwanted(fd);
      }
    }
  }
  return note;
}

}  // namespace emlfs::app
