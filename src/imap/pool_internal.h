// The pool with its way to get a session as a parameter: for tests without a server.
#pragma once

#include <functional>
#include <memory>

#include "emlfs/imap/pool.h"

namespace emlfs::imap {

using SessionOpener = std::function<std::unique_ptr<Session>(const SessionOptions&)>;

std::unique_ptr<Pool> createPool(const SessionOptions& options, unsigned connections,
                                 SessionOpener open);

}  // namespace emlfs::imap
