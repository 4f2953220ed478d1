#include "support/tally.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <system_error>

#include "support/change_script.h"
#include "support/eventually.h"
#include "support/mount.h"
#include "support/oracle.h"

namespace emlfs::test {
namespace {

constexpr Milliseconds kQuiet{15'000};  // until a mount shows what the server has
constexpr int kMostSilences = kLongestSilence / kQuiet;

std::string wrongNames(const World& wanted, const World& seen) {
  std::string lines;
  for (const auto& [message, name] : wanted.names) {
    const auto at = seen.names.find(message);
    if (at != seen.names.end() && at->second != name)
      lines += fmt::format("called {} instead of {}\n", at->second, name);
  }
  return lines;
}

// Which of the worlds a mount shows; else how the nearest of them differs.
std::optional<World> likeOne(const std::vector<World>& worlds, const Observation& seen,
                             std::string& unlike) {
  unlike.clear();
  for (const World& world : worlds) {
    const World visible = shown(world);
    const std::string lines = judge({visible}, seen).complaints + wrongNames(visible, seen.world);
    if (lines.empty()) return world;
    if (unlike.empty() || lines.size() < unlike.size()) unlike = lines;
  }
  return std::nullopt;
}

// What nobody has finished writing stays here, and the server has nothing of it.
std::set<std::string> unfinished(const Mount& mount) {
  std::set<std::string> paths;
  const auto status = mount.status();
  for (const auto& draft : status["drafts"]) paths.insert(draft["path"]);
  return paths;
}

}  // namespace

void Tally::add(const Verdict& verdict, uint64_t bodies) {
  const std::lock_guard lock(mutex_);
  bodies_ += bodies;
  sum_.lost += verdict.lost;
  sum_.doubled += verdict.doubled;
  sum_.wrong += verdict.wrong;
  sum_.misplaced += verdict.misplaced;
  sum_.altered += verdict.altered;
  sum_.strange += verdict.strange;
}

std::optional<World> Tally::check(const ImapServer& server, const Mount& mount,
                                  const std::vector<World>& allowed, const std::string& when) {
  const Observation there = observe(server);
  const Verdict verdict = judge(allowed, there);
  add(verdict, there.bodies);
  if (!verdict.fits()) {
    ADD_FAILURE() << when << ", on the server:\n" << verdict.complaints;
    return std::nullopt;
  }
  std::vector<World> possible;
  for (const World& world : allowed)
    if (judge({world}, there).fits()) possible.push_back(world);
  std::string unlike;
  Observation seen;
  std::optional<World> found;
  const auto look = [&] {
    try {
      seen = readMount(mount.path(), unfinished(mount));
      found = likeOne(possible, seen, unlike);
    } catch (const std::exception& failure) {  // it changed while it was read
      unlike = failure.what();
    }
    return found.has_value();
  };
  for (int silences = 0; !eventually(look, kQuiet) && silences < kMostSilences; ++silences)
    if (unlike.find(std::generic_category().message(ETIMEDOUT)) == unlike.npos) break;
  Verdict in_mount;
  in_mount.wrong = seen.wrong.size();
  add(in_mount, seen.bodies);
  if (!found) ADD_FAILURE() << when << ", in the mount:\n" << unlike;
  return found;
}

std::string Tally::text() const {
  const std::lock_guard lock(mutex_);
  return fmt::format(
      "bodies compared {}, lost {}, doubled {}, wrong {}, misplaced {}, flags or date wrong {}, "
      "others {}",
      bodies_, sum_.lost, sum_.doubled, sum_.wrong, sum_.misplaced, sum_.altered, sum_.strange);
}

void flushMount(const Mount& mount, Milliseconds limit) {
  const Person person(mount.path());
  std::string last;
  const auto unsent = [&] {
    const auto status = mount.status();
    return fmt::format("\nchanges {}\nrefused {}\ndrafts {}\nconnections {}\n{}",
                       status["changes"].dump(), status["refused"].dump(), status["drafts"].dump(),
                       status["connections"].dump(), mount.log());
  };
  const auto flushed = [&] {
    try {
      person.flush();
      return true;
    } catch (const CallFailed& failure) {
      last = failure.what();
      if (!isOffline(failure.error)) throw std::runtime_error(last + unsent());
      return false;
    }
  };
  if (!eventually(flushed, limit)) throw std::runtime_error(last + unsent());
}

}  // namespace emlfs::test
