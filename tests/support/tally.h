// What rounds of a proof came to, together.
#pragma once

#include <map>
#include <string>

#include "emlfs/base/clock.h"
#include "support/imap_server.h"
#include "support/world.h"

namespace emlfs::test {

class Mount;

// Not thread-safe.
class Tally {
 public:
  // Holds the server, once everything has been sent to it, and then the mount against what may be.
  // False, and a failure of the test with `when` in it, if they don't fit.
  bool check(const ImapServer& server, const Mount& mount, const std::vector<World>& allowed,
             const std::string& when);

  // "bodies compared 1234, lost 0, ..."
  std::string text() const;

 private:
  bool add(const Verdict& verdict, const std::string& when);

  uint64_t bodies_ = 0;
  Verdict sum_;
};

// Until a flush returns; what it says meanwhile may only be that there is no network. Throws
// std::runtime_error with what it says after `limit`.
void flushMount(const Mount& mount, Milliseconds limit = std::chrono::seconds(60));

}  // namespace emlfs::test
