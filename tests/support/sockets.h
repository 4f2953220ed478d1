// The few socket calls that the proxy makes. IPv4, non-blocking. They throw Error(system).
#pragma once

#include <cstdint>
#include <string>

#include "emlfs/base/file.h"

namespace emlfs::test {

// Bound, and sharing its port with other such sockets; `port` 0 takes a free one.
Fd boundSocket(const std::string& host, uint16_t port);
uint16_t portOf(const Fd& socket);
void listenOn(const Fd& socket);

// An Fd without a descriptor if nobody waits any more.
Fd acceptOn(const Fd& listener);

// The connection may still be under way; a failure shows at the first receive.
Fd connectTo(const std::string& host, uint16_t port);

// Closes so that the other side gets all that was sent, then the end: closing with input unread
// would be a reset that takes back what is still under way.
void endConnection(Fd& socket);

// Closes so that the other side sees a reset.
void resetConnection(Fd& socket);

}  // namespace emlfs::test
