// Another client that changes everything all the time: appends, moves, flags, expunges, creates,
// renames and deletes mailboxes, at random but repeatable from its seed.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "emlfs/base/clock.h"
#include "support/dovecot.h"
#include "support/imap_client.h"

namespace emlfs::test {

// A keyword: messages that have it are never moved or expunged, only flagged.
inline constexpr const char* kAnchorKeyword = "Anchor";

struct Changes {
  uint64_t appended = 0;
  uint64_t moved = 0;
  uint64_t flagged = 0;
  uint64_t expunged = 0;
  uint64_t created = 0;
  uint64_t renamed = 0;
  uint64_t deleted = 0;
  Changes& operator+=(const Changes& other);
};
std::string text(const Changes& changes);

// Not thread-safe; several can work on one account if their `own` differ.
class Meddler {
 public:
  // Changes the messages of the mailboxes `busy`. Mailboxes come and go below `own` and "Other".
  Meddler(const Dovecot& server, std::vector<std::string> busy, std::string own, uint64_t seed);

  // Until the deadline, with at most one change a `pause`.
  void run(Deadline deadline, Milliseconds pause);

  const Changes& changes() const { return changes_; }

 private:
  uint64_t below(uint64_t bound) { return random_() % bound; }
  void changeMessages(Deadline deadline, Milliseconds pause);
  void changeMessage(const std::string& mailbox);
  void append(const std::string& mailbox);
  void changeTree();
  std::string newName();

  ImapClient client_;
  const std::vector<std::string> busy_;
  const std::string own_;
  std::mt19937_64 random_;
  std::vector<std::string> mailboxes_;  // below own_, or below "Other"
  unsigned named_ = 0;
  Changes changes_;
};

}  // namespace emlfs::test
