// Which account a cache or state directory belongs to: changes that were made to one must not be
// sent to another, nor its mail be shown there.
#pragma once

#include <string>

namespace emlfs {

// Notes `account` ("user@host") in a directory that belongs to nobody yet, and that the caller has
// locked; one that can't be written to is left to the next mount. Throws Error(invalid, account),
// having changed nothing, if it is another's; Error(system) if that can't be read.
void requireOwner(const std::string& directory, const std::string& account);

}  // namespace emlfs
