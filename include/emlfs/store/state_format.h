// The format of a state directory as a whole: which files there are, what they are called and
// marked, and what is in them. It stands in the file "format" there; a directory without one is of
// format 1.
//
// Nothing there can be fetched again. So what an earlier emlfs has written is always migrated, and
// what a later one has written is refused: to guess would be to lose changes.
#pragma once

#include <string>

namespace emlfs::store {

// Changes nothing. Throws Error(invalid, account) if a later emlfs has written `state_dir`, or if
// what it says of its format can't be understood; Error(system).
void requireKnownState(const std::string& state_dir);

// Brings `state_dir` (made with mode 0700), which the caller has locked and nobody has opened, to
// today's format and notes that. A crash in the middle is made good by the next call. Throws as
// requireKnownState() does.
void upgradeState(const std::string& state_dir);

}  // namespace emlfs::store
