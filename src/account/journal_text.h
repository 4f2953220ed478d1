// The journal as `emlfs journal` and `emlfs status` show it: JSON, see ARCHITECTURE.md.
#pragma once

#include <cstdint>
#include <ctime>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "emlfs/store/cache.h"
#include "emlfs/store/journal.h"

namespace emlfs {

// A new message that is not being sent.
struct UnsentDraft {
  std::string path;        // below the mount point
  std::string why;         // empty: it is only not finished yet
  bool temporary = false;  // it has a name that programs give to what isn't finished
};

// What the journal holds; nothing of it is owned.
struct JournalContents {
  const store::Snapshot& snapshot;
  const std::vector<store::Change>& changes;
  // The name that a person gave to a message that the store may no longer have.
  const std::function<std::optional<std::string>(MessageId)>& name_of;
  const std::string& spool;  // directory of the new messages
};

// Changes with a number above `after`, as many as an extended attribute holds.
std::string journalJson(const JournalContents& journal, uint64_t after);

// What is pending and what was refused, for the status: `changes` and `refused`.
void addJournal(nlohmann::json& status, const JournalContents& journal, std::time_t now);

// What a person writes into the attribute: "retry 3 4", "retry all", "drop 3".
struct JournalCommand {
  enum class Act { retry, drop } act = Act::retry;
  bool all = false;
  std::vector<uint64_t> numbers;
};
// Throws Error(invalid, message).
JournalCommand parseJournalCommand(std::string_view words);

}  // namespace emlfs
