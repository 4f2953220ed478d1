// Changes for tests of the journal.
#pragma once

#include <string>

#include "emlfs/store/journal.h"

namespace emlfs::test {

inline store::Change sampleChange(uint64_t seed) {
  store::Change change;
  change.kind = store::Change::Kind::move;
  change.id = MessageId{1000 + seed};
  change.source = {.mailbox = "INBOX",
                   .uid_validity = 17,
                   .uid = static_cast<Uid>(seed),
                   .message_id = "<" + std::to_string(seed) + "@example.org>",
                   .size = 3 * seed};
  change.mailbox = "Archive/" + std::to_string(seed % 10);
  return change;
}

// No field is as it begins.
inline store::Change fullChange() {
  store::Change change = sampleChange(5);
  change.number = 1;
  change.kind = store::Change::Kind::append;
  change.other = "Other";
  change.add = Flags({"\\Seen", "$Work"});
  change.remove = Flags({"\\Flagged"});
  change.date = {-1'795'000'000, -330};
  change.spool = "4711.eml";
  change.size = uint64_t{1} << 40;
  change.acknowledged = 5;
  change.state = store::Change::State::parked;
  change.destination = {.uid_validity = 1, .uid_next = 2, .uid = 3};
  change.error = Code::limit;
  change.server = "NO [OVERQUOTA] Quota exceeded";
  change.recovered = true;
  change.deletion = true;
  change.begun_at = 6;
  return change;
}

}  // namespace emlfs::test
