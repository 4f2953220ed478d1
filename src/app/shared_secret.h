// One secret for all connections of an account: asked for once, however many want it at the same
// time, and kept until the server refuses it.
#pragma once

#include <functional>
#include <optional>

#include "emlfs/imap/endpoint.h"

namespace emlfs::app {

// Asks where the secret comes from. Called by one thread at a time, from those of the pool. The
// event (may be null) ends it with Error(cancelled, connection).
using AskForSecret = std::function<Secret(const Event* interrupt)>;

// `first`: what is known already. A secret that was refused and is given again all the same is
// not kept: the next try asks again.
imap::SecretSource sharedSecret(AskForSecret ask, std::optional<Secret> first = {});

}  // namespace emlfs::app
