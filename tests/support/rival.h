// Another mail program that works in the same mailboxes as a mount, and keeps book of what it did:
// some messages are its own, some it only flags, and over some it and the mount contend.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "support/imap_client.h"
#include "support/world.h"

namespace emlfs::test {

// Has every message that both may move and that the rival may expunge.
inline constexpr const char* kContested = "$Contested";
// What the rival sets and clears where the mount flags, too; a mount never touches it.
inline constexpr const char* kRivals = "$Rival";

// Not thread-safe. Throws std::runtime_error.
class Rival {
 public:
  Rival(const ImapServer& server, std::vector<std::string> mailboxes, uint64_t seed);

  // Puts one there, as a client that knows what it is for.
  std::string append(const std::string& mailbox, const std::string& flags);
  void own(const std::string& message, const std::string& mailbox);
  void mayFlag(const std::string& message, const std::string& mailbox);

  void act();  // one change

  const World& world() const { return world_; }  // its own messages
  // Those that it flags, and whether they have kRivals.
  const std::map<std::string, bool>& flagged() const { return flagged_; }
  const std::set<std::string>& contested() const { return contested_; }  // appended so far
  const std::set<std::string>& expunged() const { return expunged_; }    // of those contested
  uint64_t changes() const { return changes_; }
  int64_t dateOf(const std::string& message) const { return dates_.at(message); }

 private:
  uint64_t below(uint64_t bound) { return random_() % bound; }
  const std::string& anyMailbox() { return mailboxes_.at(below(mailboxes_.size())); }
  std::string uidOf(const std::string& message, const std::string& mailbox);
  void changeOwn();
  void flagOne();
  void contend();

  ImapClient client_;
  const std::vector<std::string> mailboxes_;
  std::mt19937_64 random_;
  World world_;
  std::map<std::string, std::string> flagged_in_;  // mailbox of each
  std::map<std::string, bool> flagged_;
  std::set<std::string> contested_;
  std::set<std::string> expunged_;
  std::map<std::string, int64_t> dates_;
  uint64_t changes_ = 0;
};

}  // namespace emlfs::test
