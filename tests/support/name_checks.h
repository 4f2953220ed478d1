// What every message name must be, whatever the message.
#pragma once

#include <string>
#include <string_view>

#include "emlfs/mail/ids.h"
#include "emlfs/mail/message.h"

namespace emlfs::test {

// Fails the running test, saying why, unless `name` is one that the design allows for `uid`.
void checkMessageName(std::string_view name, Uid uid);

// The name of message 4211 of 20 November 2026 with this header block, checked.
std::string nameOf(std::string_view block);

}  // namespace emlfs::test
