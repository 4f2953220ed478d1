// A person who does at random what can be done to messages, of which some are his alone.
#pragma once

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "support/change_script.h"

namespace emlfs::test {

class Improviser {
 public:
  Improviser(std::vector<std::string> mailboxes, uint64_t seed)
      : mailboxes_(std::move(mailboxes)), random_(seed) {}

  void take(const std::string& message) { messages_.push_back(message); }
  size_t messages() const { return messages_.size(); }

  // Something to do next with one of the messages, where they are in `world`.
  Step next(const World& world) {
    if (below(40) == 0) return flushStep();
    const size_t index = below(messages_.size());
    const std::string message = messages_[index];
    const std::string mailbox = world.messages.at(message).front().mailbox;
    const uint64_t kind = below(100);
    if (kind < 50) {
      const std::string& to = mailboxes_.at(below(mailboxes_.size()));
      return moveStep(message, mailbox, to, below(3) == 0 ? fmt::format("n{}", ++named_) : "");
    }
    if (kind < 90 || messages_.size() < 3) {
      static const std::vector<std::string> kChanges{"+\\Seen", "-\\Seen", "+\\Flagged -$Work",
                                                     "-\\Flagged +$Work", "+\\Answered $Later"};
      return flagStep(message, mailbox, kChanges.at(below(kChanges.size())));
    }
    messages_.erase(messages_.begin() + static_cast<ptrdiff_t>(index));
    return removeStep(message, mailbox, DeletePolicy::flag);
  }

  uint64_t below(uint64_t bound) { return random_() % bound; }

 private:
  const std::vector<std::string> mailboxes_;
  std::mt19937_64 random_;
  std::vector<std::string> messages_;  // not removed yet
  unsigned named_ = 0;
};

}  // namespace emlfs::test
