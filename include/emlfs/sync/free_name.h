// A file name that nothing else in a directory has.
#pragma once

#include <string>

#include "emlfs/store/cache.h"

namespace emlfs::sync {

// `name`, or else the first of view::alternativeName(name, 1), (name, 2), ... that nothing in the
// directory is called. What `own` is called counts as free.
std::string freeName(const store::Snapshot& snapshot, MailboxId directory, const std::string& name,
                     MessageId own = {});

}  // namespace emlfs::sync
