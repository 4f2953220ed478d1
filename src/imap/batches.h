// UID sets in pieces that fit into commands.
#pragma once

#include <functional>
#include <string_view>

#include "emlfs/mail/uid_set.h"

namespace emlfs::imap {

// Servers refuse longer lines, from 1,000 to 64,000 octets on; nearly all take these.
constexpr size_t kLongestLine = 8'000;
// Of one command: so that a server doesn't work longer in silence than we wait.
constexpr uint64_t kMostMessages = 1'000;

// Calls `each` with one part of `uids` after another, in ascending order, each at most `octets` as
// text.
void eachBatch(const UidSet& uids, size_t octets, const std::function<void(const UidSet&)>& each);

// What a mailbox's name leaves of a line.
size_t octetsBeside(std::string_view wire);

}  // namespace emlfs::imap
