// Which account a cache or state directory belongs to: changes that were made to one must not be
// sent to another, nor its mail be shown there.
#pragma once

#include <string>

namespace emlfs {

// Notes `account` ("user@host") in a directory that belongs to nobody yet, and that the caller has
// locked. Throws Error(invalid, account), having changed nothing, if it is another's;
// Error(system).
void requireOwner(const std::string& directory, const std::string& account);

}  // namespace emlfs
