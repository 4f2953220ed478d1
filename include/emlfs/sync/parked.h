// What becomes of changes that the server refused, and what a person does about them. Thread-safe
// as what change.h has.
//
// Throws what Pending::parkedWith() throws, Error(system) if the journal can't be written: then
// nothing has happened.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "emlfs/sync/sync.h"

namespace emlfs::sync {

// Of changes that were refused: messages are shown again where the server has them, unless they
// are there, or another change takes them elsewhere; new ones, which it doesn't have, no longer.
void putBack(Store store, const Run& run, const OnChange& on_change);

struct Retried {
  Run changes;  // are pending again; a new message among them, which the view has lost, is left to
                // the caller to show
  Run gone;     // stay refused, since their messages are no longer there
};

// They are pending again, in their old order, and seen as such: a message that was put back is
// shown as moved again, or hidden.
Retried retryParked(Store store, const std::vector<uint64_t>& numbers, const OnChange& on_change);

// They are forgotten, and what was held back by them goes on. Returns the spool files that nobody
// needs any more.
std::vector<std::string> dropParked(Store store, const std::vector<uint64_t>& numbers);

// The name of a mailbox in the journal as a person would know it: one that can't be called so yet
// has a mark of ours.
std::string mailboxName(const std::string& wire);

}  // namespace emlfs::sync
