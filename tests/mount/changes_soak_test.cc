// A person changes mail in a mount while another mail program moves, flags, appends and expunges in
// the same mailboxes: everybody finds what is his as he left it, and nothing is lost.
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <random>
#include <thread>

#include "support/change_script.h"
#include "support/eventually.h"
#include "support/explain.h"
#include "support/improviser.h"
#include "support/mount.h"
#include "support/oracle.h"
#include "support/rival.h"
#include "support/soak.h"
#include "support/tally.h"
#include "support/tree.h"

namespace emlfs::test {
namespace {

using std::chrono::seconds;

const std::vector<std::string> kMailboxes{"INBOX", "A", "B"};
constexpr size_t kMine = 15;    // messages that only the person moves, at least
constexpr size_t kFlagged = 6;  // that both flag and nobody moves
// Between two comparisons: a change that is the last in its mailbox is the one that may be missed.
// All that there ever was is compared, so the rounds of a long soak are longer.
constexpr seconds kShortestRound{5};
constexpr seconds kLongestRound{60};
constexpr int kRounds = 36;
constexpr Milliseconds kPause{5};

// What may become of a file that somebody else moves or expunges: it is gone, or, for as long as a
// message is in two places (see compare()), under its name where it should go.
bool isOvertaken(int error) {
  return error == ENOENT || error == ESTALE || error == EEXIST;
}

class ChangesSoak : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    if (IsSkipped()) return;
    World nothing;
    nothing.mailboxes = {kMailboxes.begin(), kMailboxes.end()};
    for (const auto& mailbox : kMailboxes)
      if (mailbox != "INBOX") server_.createMailbox(mailbox);
    rival_ = std::make_unique<Rival>(server_, kMailboxes, random_());
    for (size_t i = 0; i < kFlagged; ++i) {
      const std::string mailbox = kMailboxes.at(i % kMailboxes.size());
      const std::string message = rival_->append(mailbox, "");
      rival_->mayFlag(message, mailbox);
      nothing.put(message, {mailbox, {}, rival_->dateOf(message)});
    }
    performance_.settleOn(nothing);
    mount_ = std::make_unique<Mount>(server_);
  }

  void deliver() {
    World world = performance_.world();
    std::set<std::string> fresh;
    while (improviser_.messages() < kMine) {
      const std::string mailbox = kMailboxes.at(random_() % kMailboxes.size());
      const std::string message = rival_->append(mailbox, "");
      world.put(message, {mailbox, {}, rival_->dateOf(message)});
      improviser_.take(message);
      fresh.insert(message);
    }
    performance_.settleOn(world);
    const auto shown = [&] {
      std::set<std::string> missing = fresh;
      for (const auto& mailbox : kMailboxes)
        for (const auto& name : Person(mount_->path()).names(mailbox))
          if (const auto proof = proofOf(name)) missing.erase(proofName(*proof));
      return missing.empty();
    };
    ASSERT_TRUE(eventually(shown)) << "the mount doesn't show what was delivered";
  }

  // What is his alone.
  void perform(const Step& step) {
    ++steps_;
    const auto failure = performance_.perform({step}, Person(mount_->path()));
    if (failure)
      ADD_FAILURE() << performance_.last() << ": " << failure->what() << "\n"
                    << performance_.history(messageOf(step.what));
  }

  static std::string messageOf(const std::string& what) {
    const auto proof = proofOf(what);
    return proof ? proofName(*proof) : "flush";
  }

  // What the other flags as well.
  void flagShared() {
    const auto& flagged = rival_flagged_;
    const std::string& message = flagged.at(random_() % flagged.size());
    const std::string mailbox = performance_.world().messages.at(message).front().mailbox;
    static const std::vector<std::string> kChanges{"+\\Seen $Mine", "-\\Seen", "-$Mine"};
    perform(flagStep(message, mailbox, kChanges.at(random_() % kChanges.size())));
  }

  // What the other may have moved or expunged by now.
  void contend() {
    const Person person(mount_->path());
    const std::string& mailbox = kMailboxes.at(random_() % kMailboxes.size());
    std::vector<std::string> candidates;
    for (const auto& name : person.names(mailbox)) {
      const auto proof = proofOf(name);
      const std::string message = proof ? proofName(*proof) : "";
      if (proof && performance_.world().messages.count(message) == 0 && !isRivals(message))
        candidates.push_back(message);
    }
    if (candidates.empty()) return;
    const std::string& message = candidates.at(random_() % candidates.size());
    ++steps_;
    try {
      const uint64_t kind = random_() % 10;
      if (kind < 6)
        person.move(message, mailbox, kMailboxes.at(random_() % kMailboxes.size()));
      else if (kind < 9)
        person.changeFlags(message, mailbox, random_() % 2 == 0 ? "+\\Flagged" : "-\\Flagged");
      else
        person.remove(message, mailbox);
    } catch (const CallFailed& failure) {
      if (!isOvertaken(failure.error)) ADD_FAILURE() << "contending: " << failure.what();
    }
  }

  bool isRivals(const std::string& message) {
    const std::lock_guard lock(mutex_);
    return rival_->world().messages.count(message) != 0 || rival_->contested().count(message) == 0;
  }

  void work(seconds duration) {
    rival_flagged_.clear();
    for (const auto& [message, set] : rival_->flagged()) rival_flagged_.push_back(message);
    const Deadline end = Deadline::after(duration);
    std::jthread other([&] {
      try {
        while (!end.passed() && !HasFailure()) {
          {
            const std::lock_guard lock(mutex_);
            rival_->act();
          }
          ::poll(nullptr, 0, static_cast<int>(kPause.count()));
        }
      } catch (const std::exception& failure) {
        ADD_FAILURE() << "the other client: " << failure.what();
      }
    });
    while (!end.passed() && !HasFailure()) {
      const uint64_t kind = random_() % 10;
      if (kind < 5)
        perform(improviser_.next(performance_.world()));
      else if (kind < 7)
        flagShared();
      else
        contend();
    }
  }

  // Everybody's messages are as he left them; the contested ones are somewhere. A MOVE leaves a
  // message in one place (RFC 6851 section 3.3), whoever else sends one. Dovecot doesn't keep that:
  // of two sessions that move a message in the same moment it tells both that they did, and has it
  // twice then. So those may be there twice, if nothing but MOVE was sent from here.
  void compare(const std::string& when) {
    flushMount(*mount_);
    performance_.flushed();
    World wanted = performance_.world();
    for (const auto& [message, set] : rival_->flagged())
      wanted.changeFlags(message, std::string(set ? "+" : "-") + kRivals);
    wanted.messages.insert(rival_->world().messages.begin(), rival_->world().messages.end());
    const World there = observe(server_).world;
    for (const auto& message : rival_->contested()) {
      const auto at = there.messages.find(message);
      const size_t copies = at == there.messages.end() ? 0 : at->second.size();
      const bool expunged = rival_->expunged().count(message) != 0;
      if (copies == 0 && !expunged) {
        ++lost_;
        ADD_FAILURE() << when << ": contested and lost: " << message;
      }
      if (copies > 1) doubled_.insert(message);
      if (copies > 0) wanted.messages[message] = at->second;
    }
    tally_.check(server_, *mount_, {wanted}, when);
    const std::string log = mount_->log();
    for (const char* doubling : {" UID COPY", " APPEND"})
      EXPECT_EQ(log.find(doubling), log.npos) << when << ": sent" << doubling;
    EXPECT_NE(log.find(" UID MOVE"), log.npos) << when << ": the log has no commands";
  }

  std::mt19937_64 random_{chosenSeed()};
  const Dovecot server_{kKeepBytes};
  std::mutex mutex_;
  std::unique_ptr<Rival> rival_;
  std::vector<std::string> rival_flagged_;
  Improviser improviser_{kMailboxes, random_()};
  Performance performance_{World()};
  std::unique_ptr<Mount> mount_;
  Tally tally_;
  uint64_t steps_ = 0;
  uint64_t lost_ = 0;
  std::set<std::string> doubled_;
};

TEST_F(ChangesSoak, AnotherClientChangesTheSameMailboxes) {
  int rounds = 0;
  const seconds time = soakTime().value_or(seconds(20));
  const seconds longest = std::clamp(time / kRounds, kShortestRound, kLongestRound);
  for (seconds left = time; left > seconds(0) && !HasFailure();) {
    const seconds round = std::min(left, longest);
    left -= round;
    deliver();
    if (HasFailure()) break;
    work(round);
    compare(fmt::format("after round {}", ++rounds));
  }
  fmt::print(
      "{} changes in the mount, {} by the other; {} contested, of them lost {}, by two moves at "
      "the "
      "same time in two places {}; {}\n",
      steps_, rival_->changes(), rival_->contested().size(), lost_, doubled_.size(), tally_.text());
  explainFailure(mount_->log());
}

}  // namespace
}  // namespace emlfs::test
