// Host names to addresses, without ever blocking longer than a deadline.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <vector>

#include "emlfs/base/clock.h"
#include "emlfs/base/file.h"

namespace emlfs::imap {

struct Address {
  sockaddr_storage bytes{};
  socklen_t size = 0;
};

// True for a literal IPv4 or IPv6 address.
bool isAddress(const std::string& host);

// In the order to be tried, at least one. Throws Error: network (unknown host, no name server),
// timeout, cancelled.
std::vector<Address> resolve(const std::string& host, uint16_t port, Deadline deadline,
                             const Event& interrupt);

}  // namespace emlfs::imap
