// Which account a cache or state directory belongs to: changes that were made to one must not be
// sent to another, nor its mail be shown there; nor does a second process have it at the same time.
#pragma once

#include <string>

#include "emlfs/base/file.h"

namespace emlfs {

// Throws Error(invalid, account) if it is another's than `account`'s ("user@host"); Error(system)
// if that can't be read.
void requireOwner(const std::string& directory, const std::string& account);

// Makes the directory if need be, and locks it until the descriptor is closed. Throws Error(busy,
// account), after a second in which the other might have been about to end, and as requireOwner().
Fd lockFor(const std::string& directory, const std::string& account);

// Notes `account` in a directory that belongs to nobody yet, and that the caller has locked: once
// it is known that there is such an account. One that can't be written to is left to the next
// mount.
void noteOwner(const std::string& directory, const std::string& account);

}  // namespace emlfs
