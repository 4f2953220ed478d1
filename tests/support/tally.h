// What rounds of a proof came to, together.
#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "emlfs/base/clock.h"
#include "support/imap_server.h"
#include "support/world.h"

namespace emlfs::test {

class Mount;

// Thread-safe.
class Tally {
 public:
  // Holds the server, once everything has been sent to it, and then the mount against what may be.
  // Gives what it came to; none, and a failure of the test with `when` in it, if they don't fit.
  std::optional<World> check(const ImapServer& server, const Mount& mount,
                             const std::vector<World>& allowed, const std::string& when);

  // "bodies compared 1234, lost 0, ..."
  std::string text() const;

 private:
  void add(const Verdict& verdict, uint64_t bodies);

  mutable std::mutex mutex_;
  uint64_t bodies_ = 0;
  Verdict sum_;
};

// How long a real server may say nothing of a mailbox. Courier does so for half a minute now and
// then, when several sessions open it. Dovecot with Maildir does so for two minutes where it was
// renamed while another session (NOTIFY is enough) held dovecot-uidlist.lock, which moves along and
// belongs to nobody then ("Our dotlock file was deleted" in its log).
constexpr Milliseconds kLongestSilence = std::chrono::minutes(3);

// Until a flush returns; what it says meanwhile may only be that there is no network. Throws
// std::runtime_error with what it says after `limit`.
void flushMount(const Mount& mount, Milliseconds limit = kLongestSilence);

}  // namespace emlfs::test
