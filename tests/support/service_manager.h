// systemd, as far as a unit with Type=notify sees it.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <sstream>
#include <string>

#include "emlfs/base/error.h"
#include "emlfs/base/file.h"

namespace emlfs::test {

// The service manager's end of NOTIFY_SOCKET.
class Notifications {
 public:
  explicit Notifications(std::string path)
      : path_(std::move(path)), socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    if (!socket_) throw systemError("socket", errno);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
    if (::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      throw systemError("bind " + path_, errno);
    // A service may run as another user.
    if (::chmod(path_.c_str(), 0666) != 0) throw systemError("chmod " + path_, errno);
  }
  const std::string& path() const { return path_; }
  // Empty if none comes.
  std::string next() const {
    pollfd waiting{socket_.get(), POLLIN, 0};
    if (::poll(&waiting, 1, 30'000) != 1) return {};
    std::array<char, 4096> text{};
    const ssize_t size = ::recv(socket_.get(), text.data(), text.size(), 0);
    return {text.data(), static_cast<size_t>(std::max<ssize_t>(size, 0))};
  }

 private:
  const std::string path_;
  const Fd socket_;
};

// The value of a setting of a unit, the first if there are more; empty if it has none.
inline std::string setting(const std::string& unit, const std::string& name) {
  std::istringstream lines(unit);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(name + "=")) return line.substr(name.size() + 1);
  return {};
}

}  // namespace emlfs::test
