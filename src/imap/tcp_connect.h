// From addresses to a connected socket.
#pragma once

#include <string>
#include <vector>

#include "emlfs/base/clock.h"
#include "emlfs/base/file.h"
#include "imap/resolve.h"

namespace emlfs::imap {

// Tries the addresses in their order, a next one when the last has failed or kept silent for 250
// ms, and takes the first that connects (RFC 8305). The socket is non-blocking. `peer` is for the
// text of errors. Throws Error: network, timeout, cancelled.
Fd connectToAny(const std::vector<Address>& addresses, const std::string& peer, Deadline deadline,
                const Event& interrupt);

}  // namespace emlfs::imap
