// Whether the journal's file is what was written, and what to do if not: nothing in it is dropped
// silently, and nothing is overwritten.
#pragma once

#include <string>

namespace emlfs::store {

// Makes sure that `path` is a sound journal, for an account that the caller has locked: makes a new
// one if there is none, writes one anew that is large and mostly empty, replaces a damaged one by
// what can be read of it and keeps the damaged one beside it. A crash at any moment leaves the old
// or the new one. Returns what there is to tell a person, or nothing. Throws Error(system), or
// Error(invalid) if a later emlfs has written it, which then stays as it is.
std::string mendJournal(const std::string& directory, const std::string& path);

}  // namespace emlfs::store
