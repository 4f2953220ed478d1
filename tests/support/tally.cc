#include "support/tally.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "support/change_script.h"
#include "support/eventually.h"
#include "support/mount.h"
#include "support/oracle.h"

namespace emlfs::test {
namespace {

constexpr Milliseconds kQuiet{15'000};  // until a mount shows what the server has

std::string wrongNames(const World& wanted, const World& seen) {
  std::string lines;
  for (const auto& [message, name] : wanted.names) {
    const auto at = seen.names.find(message);
    if (at != seen.names.end() && at->second != name)
      lines += fmt::format("called {} instead of {}\n", at->second, name);
  }
  return lines;
}

// Empty if the mount shows one of the worlds.
std::string unlikeAll(const std::vector<World>& worlds, const Observation& seen) {
  std::string nearest;
  for (const World& world : worlds) {
    const std::string lines = judge({world}, seen).complaints + wrongNames(world, seen.world);
    if (lines.empty()) return lines;
    if (nearest.empty() || lines.size() < nearest.size()) nearest = lines;
  }
  return nearest;
}

}  // namespace

bool Tally::add(const Verdict& verdict, const std::string& when) {
  sum_.lost += verdict.lost;
  sum_.doubled += verdict.doubled;
  sum_.wrong += verdict.wrong;
  sum_.misplaced += verdict.misplaced;
  sum_.altered += verdict.altered;
  sum_.strange += verdict.strange;
  if (!verdict.fits()) ADD_FAILURE() << when << ", on the server:\n" << verdict.complaints;
  return verdict.fits();
}

bool Tally::check(const ImapServer& server, const Mount& mount, const std::vector<World>& allowed,
                  const std::string& when) {
  const Observation there = observe(server);
  bodies_ += there.bodies;
  if (!add(judge(allowed, there), when)) return false;
  std::vector<World> visible;
  for (const World& world : allowed)
    if (judge({world}, there).fits()) visible.push_back(shown(world));
  std::string unlike;
  Observation seen;
  eventually(
      [&] {
        try {
          seen = readMount(mount.path());
          unlike = unlikeAll(visible, seen);
        } catch (const std::exception& failure) {  // it changed while it was read
          unlike = failure.what();
        }
        return unlike.empty();
      },
      kQuiet);
  bodies_ += seen.bodies;
  sum_.wrong += seen.wrong.size();
  if (!unlike.empty()) ADD_FAILURE() << when << ", in the mount:\n" << unlike;
  return unlike.empty();
}

std::string Tally::text() const {
  return fmt::format(
      "bodies compared {}, lost {}, doubled {}, wrong {}, misplaced {}, flags or date wrong {}, "
      "others {}",
      bodies_, sum_.lost, sum_.doubled, sum_.wrong, sum_.misplaced, sum_.altered, sum_.strange);
}

void flushMount(const Mount& mount, Milliseconds limit) {
  const Person person(mount.path());
  std::string last;
  const auto flushed = [&] {
    try {
      person.flush();
      return true;
    } catch (const CallFailed& failure) {
      last = failure.what();
      if (!isOffline(failure.error)) throw;
      return false;
    }
  };
  if (!eventually(flushed, limit)) throw std::runtime_error(last);
}

}  // namespace emlfs::test
