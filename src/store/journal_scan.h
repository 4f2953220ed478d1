// The journal's file, read without LMDB and its trees: every page is looked at for entries, and an
// entry counts if its checksum is right. Damage hides the entries of its page, and nothing else.
//
// What is current, and what is left of the past? A page that is not in the list of free pages is in
// use: an entry there is what the transaction of that list left. LMDB keeps two headers, of the
// last transaction and the one before, and doesn't touch what the one before has until the next is
// on the disk, so there are two such views.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "store/journal_records.h"

namespace emlfs::store {

// Values as on disk: stamp and record.
using JournalEntries = std::map<std::string, std::string, std::less<>>;

struct JournalView {
  uint64_t transaction = 0;
  bool free_known = false;  // the list of free pages could be read
  bool exact = false;       // all that the transaction left, and nothing else
  bool later = false;       // with records that only a later emlfs can read
  std::optional<JournalState> state;
  JournalEntries changes;
  JournalEntries names;
};

struct JournalScan {
  std::vector<JournalView> views;  // one for each header that can be read; the later first
  // Everything anywhere in the file, of each key the latest: what was removed, too.
  JournalView anywhere;
  uint64_t latest = 0;  // transaction that left something, committed or not
  uint32_t format = 0;  // 0: not found
};

// Nothing, if the file is missing. Throws Error(system) only for what is no damage.
JournalScan scanJournal(const std::string& path);

}  // namespace emlfs::store
