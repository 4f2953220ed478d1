// All mail of an account, as a test expects it and as it is found: each message is known by what
// its bytes prove it to be (support/proof_mail.h), wherever it is and whatever its UID.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace emlfs::test {

inline constexpr int64_t kAnyDate = -1;

struct Copy {
  std::string mailbox;          // a path, such as "Lists/lkml"
  std::set<std::string> flags;  // in lower case, "\deleted" among them
  int64_t date = kAnyDate;      // INTERNALDATE, in seconds since 1970
  auto operator<=>(const Copy&) const = default;
};
bool same(const Copy& a, const Copy& b);  // kAnyDate is like any
std::string text(const Copy& copy);

struct World {
  std::map<std::string, std::vector<Copy>> messages;  // by proofName
  std::set<std::string> mailboxes;
  // File names that a person gave. No server knows them: only a mount can be asked.
  std::map<std::string, std::string> names;
  auto operator<=>(const World&) const = default;

  // What a change does. One of a message or mailbox that isn't there does nothing: it depended on
  // another change that did not happen.
  void put(const std::string& message, Copy copy) { messages[message] = {std::move(copy)}; }
  void move(const std::string& message, const std::string& mailbox);
  // As user.imap.flags takes it: "+\Seen -\Flagged $Work".
  void changeFlags(const std::string& message, const std::string& changes);
  void erase(const std::string& message) { messages.erase(message); }
  void give(const std::string& message, const std::string& name);
  void renameMailbox(const std::string& from, const std::string& to);  // and all below
};

// What somebody saw of an account.
struct Observation {
  World world;
  uint64_t bodies = 0;
  std::vector<std::string> wrong;  // bodies that are not what they prove to be, each a line
};

// How far it is from what may be.
struct Verdict {
  uint64_t lost = 0;
  uint64_t doubled = 0;
  uint64_t wrong = 0;      // bytes
  uint64_t misplaced = 0;  // in another mailbox
  uint64_t altered = 0;    // flags or date
  uint64_t strange = 0;    // messages and mailboxes that nobody made, or that are missing
  std::string complaints;  // a line each
  size_t nearest = 0;      // index of the world that it was held against

  bool fits() const { return complaints.empty(); }
};

// Held against the one of `allowed` that is nearest. Names are not compared.
Verdict judge(const std::vector<World>& allowed, const Observation& found);

// Without what is \Deleted: what a mount shows.
World shown(World world);

}  // namespace emlfs::test
