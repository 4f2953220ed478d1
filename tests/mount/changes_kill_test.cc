// kill -9 at any moment, under load: several people change mail and others read it, in one mount
// that lives through all of it.
#include <fmt/format.h>
#include <poll.h>

#include <atomic>
#include <random>
#include <thread>

#include "emlfs/mail/message.h"
#include "support/change_script.h"
#include "support/eventually.h"
#include "support/explain.h"
#include "support/imap_client.h"
#include "support/improviser.h"
#include "support/mount.h"
#include "support/oracle.h"
#include "support/soak.h"
#include "support/tally.h"
#include "support/tree.h"

namespace emlfs::test {
namespace {

const std::vector<std::string> kMailboxes{"INBOX", "A", "B"};
constexpr size_t kPeople = 2;
constexpr size_t kFew = 12;  // messages of each person, at least
constexpr Milliseconds kLongestLife{600};

World merged(const World& a, const World& b) {
  World both = a;
  both.messages.insert(b.messages.begin(), b.messages.end());
  both.mailboxes.insert(b.mailboxes.begin(), b.mailboxes.end());
  both.names.insert(b.names.begin(), b.names.end());
  return both;
}

// Of a world of all: what belongs to those of `own`.
World part(const World& all, const World& own) {
  World mine;
  mine.mailboxes = own.mailboxes;
  for (const auto& [message, copies] : all.messages)
    if (own.messages.count(message) != 0) mine.messages[message] = copies;
  for (const auto& [message, name] : all.names)
    if (own.messages.count(message) != 0) mine.names[message] = name;
  return mine;
}

struct Actor {
  Improviser improviser;
  Performance performance;
  uint64_t steps = 0;
};

class ChangesKill : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    if (IsSkipped()) return;
    ImapClient client(server_);
    World nothing;
    nothing.mailboxes = {kMailboxes.begin(), kMailboxes.end()};
    for (const auto& mailbox : kMailboxes) client.command(fmt::format("CREATE {}", mailbox));
    for (size_t i = 0; i < kPeople; ++i)
      people_.push_back({Improviser(kMailboxes, random_()), Performance(nothing)});
  }

  // New messages for everybody, who sees them.
  void deliver() {
    ImapClient client(server_);
    std::set<std::string> fresh;
    for (auto& person : people_) {
      World world = person.performance.world();
      while (person.improviser.messages() < kFew) {
        const Proof proof{random_(), 300 + random_() % 5'000};
        const std::string& mailbox = kMailboxes.at(random_() % kMailboxes.size());
        const int64_t date = 1'600'000'000 + static_cast<int64_t>(random_() % 100'000'000);
        client.append(mailbox, "", proofMessage(proof), emlfs::text(InternalDate{date, 0}));
        world.put(proofName(proof), {mailbox, {}, date});
        person.improviser.take(proofName(proof));
        fresh.insert(proofName(proof));
      }
      person.performance.settleOn(world);
    }
    const auto shown = [&] {
      std::set<std::string> missing = fresh;
      try {
        for (const auto& mailbox : kMailboxes)
          for (const auto& name : Person(mount_.path()).names(mailbox))
            if (const auto proof = proofOf(name)) missing.erase(proofName(*proof));
      } catch (const CallFailed&) {  // a mailbox that is not there yet
        return false;
      }
      return missing.empty();
    };
    ASSERT_TRUE(eventually(shown)) << "the mount doesn't show what was delivered";
  }

  // Everybody works until the daemon is killed.
  void workUntilKilled(Milliseconds life) {
    std::atomic<bool> killed{false};
    std::atomic<bool> failed{false};
    std::vector<std::jthread> threads;
    for (auto& actor : people_) {
      threads.emplace_back([&] {
        const Person person(mount_.path());
        while (!failed) {
          const auto failure =
              actor.performance.perform({actor.improviser.next(actor.performance.world())}, person);
          ++actor.steps;
          if (!failure) continue;
          if (!killed) {
            ADD_FAILURE() << actor.performance.last() << ": " << failure->what();
            failed = true;
          }
          return;
        }
      });
    }
    threads.emplace_back([&] {
      while (!killed && !failed) {
        try {
          readMount(mount_.path());
        } catch (const std::exception&) {  // what is moved while it is read, or the end
        }
      }
    });
    ::poll(nullptr, 0, static_cast<int>(life.count()));
    killed = true;
    mount_.kill();
  }

  // Of all of them together.
  std::vector<World> allowed() const {
    std::vector<World> worlds{World()};
    for (const auto& person : people_) {
      std::vector<World> more;
      for (const auto& before : worlds)
        for (const auto& world : person.performance.allowed())
          more.push_back(merged(before, world));
      worlds = std::move(more);
    }
    return worlds;
  }

  std::mt19937_64 random_{chosenSeed()};
  const Dovecot server_{kKeepBytes};
  std::vector<Actor> people_;
  Mount mount_{server_};
};

TEST_F(ChangesKill, AtAnyMomentUnderLoad) {
  const int rounds = full() ? 500 : 20;
  Tally tally;
  int kills = 0;
  for (; kills < rounds && !HasFailure(); ++kills) {
    deliver();
    if (HasFailure()) break;
    workUntilKilled(Milliseconds(1 + random_() % static_cast<uint64_t>(kLongestLife.count())));
    mount_.mount();
    flushMount(mount_);
    const auto found = tally.check(server_, mount_, allowed(), fmt::format("kill {}", kills + 1));
    if (!found) break;
    for (auto& person : people_)
      person.performance.settleOn(part(*found, person.performance.world()));
  }
  uint64_t steps = 0;
  for (const auto& person : people_) steps += person.steps;
  fmt::print("{} kills while {} changes were made; {}\n", kills, steps, tally.text());
  explainFailure(mount_.log());
}

}  // namespace
}  // namespace emlfs::test
